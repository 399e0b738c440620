package namespace

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/entenancy/tenancy"
)

// copySpare copies a spare that is ready for a version, if there is one, and
// returns the version then.
func (k *SQLite) copySpare(ctx context.Context, to, version string) (string, error) {
	if version == "" {
		return "", nil
	}
	spares, err := k.List(ctx)
	if err != nil {
		return "", err
	}
	for _, spare := range spares {
		if spare.Version != version {
			continue
		}
		path, err := k.path(spare.Tenant)
		if err == nil {
			err = copyFile(path, to)
		}
		if errors.Is(err, fs.ErrNotExist) {
			continue // discarded meanwhile
		}
		return version, err
	}
	return "", nil
}

// copyFile copies what nobody writes to.
func copyFile(from, to string) (err error) {
	in, err := os.Open(from) //nolint:gosec // the keeper's own name
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // the keeper's own name
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	if _, err := io.Copy(out, in); err != nil {
		return err
	}
	return out.Sync()
}

// Spare implements [Spares].
func (k *SQLite) Spare(ctx context.Context) (tenancy.Tenant, error) {
	spare := k.named(k.config.Names.spare())
	path, err := k.path(spare)
	if err == nil {
		err = k.putMark(ctx, path, spareMark(""))
	}
	if err != nil {
		return tenancy.Tenant{}, fmt.Errorf("namespace: making a spare file: %w", err)
	}
	return spare, nil
}

// Ready implements [Spares]. It leaves all of the spare in its file, which is not
// in WAL mode then, so that a copy of the file is a copy of the spare.
func (k *SQLite) Ready(ctx context.Context, spare tenancy.Tenant, version string) error {
	path, err := k.path(spare)
	if err != nil {
		return err
	}
	_, there, err := k.markOf(ctx, path)
	if err == nil && !there || !k.config.Names.isSpare(strings.TrimSuffix(filepath.Base(path), ".db")) {
		return gone("file", filepath.Base(path))
	}
	if err == nil {
		err = k.leaveWAL(ctx, path)
	}
	if err == nil {
		err = k.putMark(ctx, path, spareMark(version))
	}
	if err != nil {
		return fmt.Errorf("namespace: marking a spare file: %w", err)
	}
	return nil
}

// leaveWAL puts all of a database into its file.
func (k *SQLite) leaveWAL(ctx context.Context, path string) error {
	return k.within(ctx, path, "rw", func(db *sql.DB) error {
		var mode string
		return db.QueryRowContext(ctx, "PRAGMA journal_mode = DELETE").Scan(&mode)
	})
}

// List implements [Spares].
func (k *SQLite) List(ctx context.Context) ([]Spare, error) {
	other, err := k.path(k.named(k.config.Names.spare()))
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(filepath.Dir(other))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("namespace: listing spares: %w", err)
	}
	var spares []Spare
	for _, entry := range entries {
		name, isDatabase := strings.CutSuffix(entry.Name(), ".db")
		if !isDatabase || !k.config.Names.isSpare(name) {
			continue
		}
		mark, there, err := k.markOf(ctx, filepath.Join(filepath.Dir(other), entry.Name()))
		if ctx.Err() != nil {
			return nil, err
		}
		if err != nil {
			mark = "" // one that cannot be read is not ready, and nobody has to wait for it
		}
		if version, ok := versionOf(mark); there && (ok || mark == "") {
			spares = append(spares, Spare{Tenant: k.named(name), Version: version})
		}
	}
	return spares, nil
}

// Discard implements [Spares].
func (k *SQLite) Discard(_ context.Context, spare tenancy.Tenant) error {
	path, err := k.path(spare)
	if err != nil {
		return err
	}
	if !k.config.Names.isSpare(strings.TrimSuffix(filepath.Base(path), ".db")) {
		return gone("file", filepath.Base(path))
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return gone("file", filepath.Base(path))
	}
	if err := removeFile(path); err != nil {
		return fmt.Errorf("namespace: dropping a spare file: %w", err)
	}
	return nil
}
