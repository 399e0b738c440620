package manager

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver/postgres"
	"github.com/entenancy/tenancy/internal/pgerror"
)

// systemRemembered is for how long it is remembered what the role that serves is shown
// in System scopes: a migration can put policies on the tables at any time.
const systemRemembered = 10 * time.Second

// systemView refuses System scopes where they have no role of their own and row-level
// security would show that of an address no rows, and no error.
type systemView struct {
	databases postgresDatabases
	address   tenancy.Secret

	turn  chan struct{} // holds one
	err   error
	until time.Time
}

func newSystemView(p postgresDatabases, address tenancy.Secret) *systemView {
	return &systemView{databases: p, address: address, turn: make(chan struct{}, 1)}
}

// allow is for postgres.Config.AllowSystem. It fails with postgres.ErrSystem.
func (v *systemView) allow(ctx context.Context) error {
	select {
	case v.turn <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-v.turn }()
	if time.Now().Before(v.until) {
		return v.err
	}
	err := v.look(ctx)
	switch {
	case err == nil || errors.Is(err, postgres.ErrSystem):
		v.err, v.until = err, time.Now().Add(systemRemembered)
	case !v.until.IsZero(): // which is no reason to end a transaction that goes well
		return v.err
	}
	return err
}

// look has a connection of its own: who asks may hold the last one of the pool.
func (v *systemView) look(ctx context.Context) error {
	db, err := v.databases.serving(v.address)
	if err != nil {
		return err
	}
	defer db.Close() //nolint:errcheck // nothing was written
	_, err = postgres.VerifySystem(ctx, db, v.databases.tables, postgres.VerifyConfig{Schema: v.databases.config.Database.GlobalSchema})
	switch {
	case errors.Is(err, postgres.ErrUnsafe):
		return postgres.ErrSystem
	case err != nil:
		return fmt.Errorf("manager: what a System scope is shown: %w", pgerror.WithoutConfig(err))
	}
	return nil
}
