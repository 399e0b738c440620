package namespace

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/entenancy/tenancy"
)

// ErrNothingDropped says that Drop has failed before anything of the tenant's was
// dropped. Without it nobody knows.
var ErrNothingDropped = errors.New("namespace: nothing was dropped")

// Keeper makes, checks and drops the namespaces of tenants of one isolation.
// The keepers of this package are safe for concurrent use, by any number of
// processes. They need no tenant in the context.
type Keeper interface {
	// Plan returns where the namespace of a new tenant will be, which goes by its
	// ID alone. Nothing is made. It fails with tenancy.ErrInvalidPlacement where
	// the name would be a reserved one.
	Plan(t tenancy.Tenant) (tenancy.Placement, error)

	// Make makes the namespace of a tenant, where its Placement says, empty and
	// with its mark, and lets the roles that serve requests use it, with what is in it
	// already but for the record of migrations. It may be called again, as after the
	// first migrations: one that has the tenant's mark gets the grants that it lacks, loses
	// on PostgreSQL the right to write that record, and nothing else. A ready spare of the given version is taken
	// instead of making one; no version takes none. It fails with
	// tenancy.ErrForeignNamespace where there is a namespace without the tenant's
	// mark, and leaves that alone.
	Make(ctx context.Context, t tenancy.Tenant, version string) (Made, error)

	// Name returns what the tenant's namespace is called, for people. It shows
	// nothing else of a placement, and is empty where that cannot be read.
	Name(t tenancy.Tenant) string

	// Verify fails with tenancy.ErrNotProvisioned if the tenant's namespace is not
	// there, with tenancy.ErrForeignNamespace if it has not the tenant's mark, and
	// says so if the roles that serve requests cannot use it, or on PostgreSQL may write
	// the record of its migrations.
	Verify(ctx context.Context, t tenancy.Tenant) error

	// Drop drops the tenant's namespace, all that is in it and what an unfinished
	// Make has left, and reports whether there was one. One without the tenant's
	// mark is left alone: tenancy.ErrForeignNamespace. So is, on PostgreSQL, a schema
	// with something in it on which others depend: tenancy.ErrCrossTenant; and a
	// database with sessions in it that nobody here may end, which the error names.
	// What fails has dropped nothing if it is one of these, [ErrNothingDropped], or
	// migrate.ErrLocked, and reports false.
	Drop(ctx context.Context, t tenancy.Tenant) (bool, error)
}

// Spares makes namespaces beforehand, which Make hands out. Every keeper of
// this package does. A spare is spoken of as a tenant whose placement is that of
// the spare, so that whoever migrates tenants can migrate it.
type Spares interface {
	// Spare makes an empty spare that is not ready.
	Spare(ctx context.Context) (tenancy.Tenant, error)
	// Ready makes a spare one that Make hands out for the version, or with no
	// version holds it back. It fails with tenancy.ErrNotFound if the spare was
	// handed out or discarded meanwhile.
	Ready(ctx context.Context, spare tenancy.Tenant, version string) error
	// List returns all spares, those that are not ready too.
	List(ctx context.Context) ([]Spare, error)
	// Discard drops a spare, unless it was handed out meanwhile: then it fails
	// with tenancy.ErrNotFound.
	Discard(ctx context.Context, spare tenancy.Tenant) error
}

// Spare is a namespace that is nobody's yet.
type Spare struct {
	Tenant tenancy.Tenant
	// Version is the one that it is ready for, empty if it is not ready.
	Version string
}

// Made says what Make has done.
type Made struct {
	// Placement is where the tenant's namespace is. It is that of the tenant
	// unless a spare was taken that cannot be renamed, as on MySQL: then the
	// registry has to be told.
	Placement tenancy.Placement
	// New reports that the call has made the namespace, or has taken a spare.
	New bool
	// Version is that of the spare that was taken, empty if none was.
	Version string
}

// What a mark begins with. The rest is escaped, so that a mark can stand in
// any literal, and reads well where it is a UUID.
const (
	markTenant = "tenancy: tenant "
	markSpare  = "tenancy: spare "
)

// markOf is the mark of a tenant. Different ids have different marks.
func markOf(id tenancy.ID) string { return markTenant + url.QueryEscape(string(id)) }

// spareMark is the mark of a spare, which is ready if the version is not empty.
func spareMark(version string) string { return markSpare + url.QueryEscape(version) }

// versionOf reads the mark of a spare.
func versionOf(mark string) (version string, ok bool) {
	escaped, ok := strings.CutPrefix(mark, markSpare)
	if !ok {
		return "", false
	}
	version, err := url.QueryUnescape(escaped)
	return version, err == nil
}

func foreign(t tenancy.Tenant, kind, name string) error {
	return fmt.Errorf("namespace: %w: the %s %q is there and has no mark of %s; find out whose it is, nothing was done to it",
		tenancy.ErrForeignNamespace, kind, name, t)
}

func missing(t tenancy.Tenant, kind, name string) error {
	return fmt.Errorf("namespace: %w: there is no %s %q of %s", tenancy.ErrNotProvisioned, kind, name, t)
}

func failed(doing string, t tenancy.Tenant, err error) error {
	return fmt.Errorf("namespace: %s of %s: %w", doing, t, err)
}

func gone(kind, name string) error {
	return fmt.Errorf("namespace: %w: the %s %q is no spare any more", tenancy.ErrNotFound, kind, name)
}
