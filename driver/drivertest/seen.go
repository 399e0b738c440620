package drivertest

import (
	"context"
	"database/sql"
	"fmt"
	"sync/atomic"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver"
)

// seen is a driver that counts what comes to it.
type seen struct {
	dialect.Driver
	calls atomic.Int64
}

// Switches implements [driver.Switcher] as the driver itself does.
func (s *seen) Switches(isolation tenancy.Isolation) bool {
	if inner, ok := s.Driver.(driver.Switcher); ok {
		return inner.Switches(isolation)
	}
	if pool, ok := s.Driver.(interface{ DB() *sql.DB }); ok {
		inner, ok := pool.DB().Driver().(driver.Switcher)
		return ok && inner.Switches(isolation)
	}
	return false
}

func (s *seen) inUse() int {
	if pool, ok := s.Driver.(interface{ DB() *sql.DB }); ok {
		return pool.DB().Stats().InUse
	}
	return 0
}

func (s *seen) Exec(ctx context.Context, query string, args, v any) error {
	s.calls.Add(1)
	return s.Driver.Exec(ctx, query, args, v)
}

func (s *seen) Query(ctx context.Context, query string, args, v any) error {
	s.calls.Add(1)
	return s.Driver.Query(ctx, query, args, v)
}

func (s *seen) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	s.calls.Add(1)
	raw, ok := s.Driver.(queryer)
	if !ok {
		return nil, fmt.Errorf("drivertest: the home %T has no ExecContext", s.Driver)
	}
	return raw.ExecContext(ctx, query, args...)
}

func (s *seen) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	s.calls.Add(1)
	raw, ok := s.Driver.(queryer)
	if !ok {
		return nil, fmt.Errorf("drivertest: the home %T has no QueryContext", s.Driver)
	}
	return raw.QueryContext(ctx, query, args...)
}

func (s *seen) Tx(ctx context.Context) (dialect.Tx, error) {
	s.calls.Add(1)
	return s.Driver.Tx(ctx)
}

func (s *seen) BeginTx(ctx context.Context, options *sql.TxOptions) (dialect.Tx, error) {
	s.calls.Add(1)
	b, ok := s.Driver.(beginner)
	if !ok {
		return nil, fmt.Errorf("drivertest: the home %T has no BeginTx", s.Driver)
	}
	return b.BeginTx(ctx, options)
}

type beginner interface {
	BeginTx(ctx context.Context, options *sql.TxOptions) (dialect.Tx, error)
}
