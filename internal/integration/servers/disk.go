package servers

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// SmallDisk returns a directory on a file system of that many megabytes, which belongs to the user of a private PostgreSQL that is
// started after it. It is gone when tb is over. tb is skipped where tests may not mount one, in CI too: nothing that is installed helps.
func SmallDisk(tb testing.TB, megabytes int) string {
	tb.Helper()
	dir, err := os.MkdirTemp("", "tenancy-disk-") //nolint:usetesting // the server's user cannot reach what is below tb.TempDir
	if err != nil {
		tb.Fatal(err)
	}
	atCleanup(tb, func(context.Context) error { return os.RemoveAll(dir) })
	//nolint:gosec // the arguments are this package's own
	mount := exec.CommandContext(tb.Context(), "mount", "-t", "tmpfs", "-o", fmt.Sprintf("size=%dm,mode=0700", megabytes), "tmpfs", dir)
	if out, err := mount.CombinedOutput(); err != nil {
		tb.Skipf("servers: a small disk needs the right to mount one: %v: %s", err, lastLines(out))
	}
	atCleanup(tb, func(ctx context.Context) error {
		return exec.CommandContext(ctx, "umount", dir).Run() //nolint:gosec // the directory is from above
	})
	if err := giveTo("postgres", dir); err != nil {
		tb.Fatal(err)
	}
	return dir
}
