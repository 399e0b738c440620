//go:build unix

package servers

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"
)

// runAs makes cmd run in a process group of its own, so that Ctrl-C ends the tests and leaves it to the guard to end the server. If
// tests run as root it runs as the account's user, or as nobody where there is no such user.
func runAs(cmd *exec.Cmd, account string) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if os.Geteuid() != 0 {
		return nil
	}
	uid, gid, err := lookup(account)
	if err != nil {
		return err
	}
	cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uid, Gid: gid}
	return nil
}

// giveTo makes the user of [runAs] the owner of a directory.
func giveTo(account, dir string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	uid, gid, err := lookup(account)
	if err != nil {
		return err
	}
	return os.Chown(dir, int(uid), int(gid))
}

func lookup(account string) (uid, gid uint32, err error) {
	u, err := user.Lookup(account)
	if err != nil {
		u, err = user.Lookup("nobody")
	}
	if err != nil {
		return 0, 0, fmt.Errorf("tests run as root, a database server cannot, and there is no user %s or nobody: %w", account, err)
	}
	ids := [2]uint32{}
	for i, text := range [2]string{u.Uid, u.Gid} {
		id, err := strconv.ParseUint(text, 10, 32)
		if err != nil {
			return 0, 0, err
		}
		ids[i] = uint32(id)
	}
	return ids[0], ids[1], nil
}
