package manager

import (
	"context"
	"fmt"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/crypt"
	"github.com/entenancy/tenancy/driver"
	"github.com/entenancy/tenancy/migrate"
)

// decrypted is databases that say of a placement which nobody has decrypted what it
// is, and not that it is no URL. With a key the registry decrypts it, or says why not.
type decrypted struct{ databases }

func (d decrypted) open(ctx context.Context, t tenancy.Tenant) (driver.Database, error) {
	if err := stillEncrypted(t); err != nil {
		return driver.Database{}, err
	}
	return d.databases.open(ctx, t)
}

func (d decrypted) owned(ctx context.Context, t tenancy.Tenant) (migrate.Database, error) {
	if err := stillEncrypted(t); err != nil {
		return migrate.Database{}, err
	}
	return d.databases.owned(ctx, t)
}

func stillEncrypted(t tenancy.Tenant) error {
	if t.Isolation != tenancy.IsolationDatabase || !crypt.Encrypted(t.Placement.DatabaseURL.Reveal()) {
		return nil
	}
	return fmt.Errorf("manager: %w: the database URL of %s is encrypted: set %s", tenancy.ErrInvalidPlacement, t, envOf("Encryption.Key"))
}
