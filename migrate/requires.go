package migrate

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/internal/pgerror"
)

// Requires returns a function that fails with tenancy.ErrBehind for a tenant
// whose tables are not at a version yet, or beyond it: what [driver.Config].Ready
// asks for. Version is that of a file of Config.Directory, the last one that the
// program cannot do without; empty means the last one that there is. A checkpoint means
// the file before it, which is as good, and which places that were there have. The same
// version counts for the home's tables where Config.Shared is given, or the
// newest of Shared where that is older.
//
// A place that is not there is tenancy.ErrNotProvisioned, and one that cannot be
// asked an error as well: such tenants are not served. The function reads the
// place's record of migrations, in two or three queries and for a tenant's own
// database on a new connection, with the role of Config.Home and Config.Open. It
// is safe for concurrent use, and changes nothing.
//
// It fails where Config.Directory has no such version.
func (r *Runner) Requires(version string) (func(ctx context.Context, t tenancy.Tenant) error, error) {
	d := r.config.Directory
	if version == "" {
		version = d.Version()
	}
	if _, ok := d.ours[version]; !ok {
		return nil, fmt.Errorf("%w: Config.Directory has no version %q to require", ErrDirectory, version)
	}
	required := &requirement{Runner: r, version: d.reached(version)}
	return required.check, nil
}

// requirement is a version that places have to be at.
type requirement struct {
	*Runner

	version string
	home    atomic.Bool // it is there: all tenants in shared tables have their answer
}

func (r *requirement) check(ctx context.Context, t tenancy.Tenant) error {
	p, err := r.placeOf(ctx, t)
	if err != nil {
		return err
	}
	if p != nil {
		defer func() { _ = p.close() }() // nothing was written
		return r.at(ctx, p, r.version)
	}
	if r.home.Load() {
		return nil
	}
	home, version := r.Runner.home(), r.version
	if r.config.Shared != nil {
		version = min(version, r.config.Shared.latest())
	}
	if err := r.at(ctx, home, version); err != nil {
		return err
	}
	r.home.Store(true)
	return nil
}

// at fails where a place is not at a version.
func (r *requirement) at(ctx context.Context, p *place, version string) error {
	s, err := r.look(ctx, p.db, p)
	switch {
	case r.engine.missing(err), err == nil && !s.exists:
		return fmt.Errorf("migrate: %w: its schema or database is not there", tenancy.ErrNotProvisioned)
	case err != nil:
		return pgerror.WithoutConfig(err)
	case s.done < version:
		return fmt.Errorf("migrate: %w: they are at version %q and have to be at %q: apply its migrations", tenancy.ErrBehind, s.done, version)
	}
	return nil
}
