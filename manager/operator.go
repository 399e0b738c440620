package manager

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver/postgres"
	"github.com/entenancy/tenancy/migrate"
	"github.com/entenancy/tenancy/registry"
)

// Operator is what a tool for operators does with a [Manager] that serves
// nobody. It needs no Start, and is safe for concurrent use until the Manager
// is closed.
type Operator struct{ m *Manager }

// Operator returns the Manager's.
func (m *Manager) Operator() Operator { return Operator{m} }

// Home is the home as the role that owns the tables: plain connections, which act
// for no tenant and see what that role sees. Close is the Manager's.
func (o Operator) Home() *sql.DB { return o.m.admin }

// Serving is the home as the role that serves requests, with connections that act
// for the tenant in the context of each statement. Close is the Manager's.
func (o Operator) Serving() *sql.DB { return o.m.serving }

// System is the home as the role of System scopes, whose statements need such a scope.
// It is nil without Config.Database.SystemURL. Close is the Manager's.
func (o Operator) System() *sql.DB { return o.m.system }

// PostgresConfig is that of the Manager's connections for tenants, for [VerifyPostgres].
// They find the tables in Config.Database.GlobalSchema, in databases of tenants too.
func (o Operator) PostgresConfig() postgres.Config {
	return postgresDatabases{config: o.m.config}.connection()
}

// Init makes the registry's tables, or brings them up to date, and on SQLite the
// files' directories. On PostgreSQL it takes from the role that serves what default
// privileges have given it of them. Start does so too.
func (o Operator) Init(ctx context.Context) error { return o.m.init(ctx) }

// Place completes the record of a tenant without an isolation, as for requests.
func (o Operator) Place(t tenancy.Tenant) (tenancy.Tenant, error) { return o.m.place(t) }

// Isolation says which isolation Provision would give a new tenant.
func (o Operator) Isolation(n registry.NewTenant) (tenancy.Isolation, error) {
	if n.Isolation != "" {
		return n.Isolation, nil
	}
	isolation, err := o.m.isolation(n)
	return cmp.Or(isolation, o.m.config.Isolation.Default), err
}

// Open reaches the database or file of a tenant's own as the role that owns it.
// The caller closes it. It fails with tenancy.ErrInvalidPlacement for a record
// that names none, and with tenancy.ErrNotProvisioned where the file is missing.
func (o Operator) Open(ctx context.Context, t tenancy.Tenant) (migrate.Database, error) {
	return o.m.databases.owned(ctx, t)
}

// Reencrypt encrypts all secrets of the registry with Config.Encryption.Key: those that
// are under one of the OldKeys, and those in plaintext. Afterwards neither is needed any
// more. It is [registry.EncryptedStore.Reencrypt]; changes go through the caches where
// config does not say otherwise. It fails without Config.Encryption.Key.
func (o Operator) Reencrypt(ctx context.Context, config registry.ReencryptConfig) (registry.ReencryptProgress, error) {
	if o.m.layers.encrypted == nil {
		return registry.ReencryptProgress{}, fmt.Errorf("manager: nothing is encrypted: set %s", envOf("Encryption.Key"))
	}
	if config.Through == nil {
		config.Through = o.m.layers.top
	}
	return o.m.layers.encrypted.Reencrypt(ctx, config)
}

// Runner returns a runner of other migrations than the Manager's, or in another
// way: which tenants, which first, how many at once, who is told. What is not said
// is as in Config.Migrations, and how databases are reached is always the Manager's.
func (o Operator) Runner(tuning migrate.Config) (*migrate.Runner, error) { return o.m.runner(tuning) }

// init makes what has to be there before anything else.
func (m *Manager) init(ctx context.Context) error {
	if err := m.databases.prepare(); err != nil {
		return fmt.Errorf("manager: %w", err)
	}
	if err := m.layers.base.Init(ctx); err != nil {
		return fmt.Errorf("manager: the registry: %w%s", err, owning(err))
	}
	m.revoke(ctx)
	return nil
}

// owning says who makes the registry's tables, where a role was not let.
func owning(err error) string {
	var state interface{ SQLState() string }
	if refused := errors.As(err, &state) && state.SQLState() == "42501"; !refused && !strings.Contains(err.Error(), "Error 1142") {
		return ""
	}
	return fmt.Sprintf(": %s has to be of the role that owns the home's tables, and without it that is the role of %s", envOf("Database.AdminURL"), envOf("Database.URL"))
}
