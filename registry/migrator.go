package registry

import (
	"context"
	"errors"
	"time"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
)

// revisions is the table that says which migrations Init has applied. It is
// not Atlas' own, which an application may have for its migrations.
const revisions = "tenancy_registry_revisions"

const createRevisions = "CREATE TABLE IF NOT EXISTS " + revisions +
	" (version VARCHAR(32) NOT NULL PRIMARY KEY, applied INTEGER NOT NULL, applied_at VARCHAR(32) NOT NULL)"

// migrator applies the migrations that a database lacks.
type migrator struct {
	driver dialect.Driver
	all    []migration
}

func newMigrator(driver dialect.Driver) (*migrator, error) {
	all, err := readMigrations(driver.Dialect())
	return &migrator{driver, all}, err
}

// run applies what is missing, one process at a time. Where nothing is, it
// takes no lock and needs no right but to read.
func (m *migrator) run(ctx context.Context) error {
	if applied, err := m.applied(ctx, m.driver); err == nil && len(m.missing(applied)) == 0 {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return m.locked(ctx, func(tx dialect.ExecQuerier) error {
		applied, err := m.applied(ctx, tx)
		if err != nil {
			return err
		}
		for _, file := range m.missing(applied) {
			if err := m.apply(ctx, tx, file, applied); err != nil {
				return err
			}
		}
		return nil
	})
}

// applied returns how many statements of each migration were applied.
func (m *migrator) applied(ctx context.Context, conn dialect.ExecQuerier) (_ map[string]int, err error) {
	query, args := m.sql().Select("version", "applied").From(entsql.Table(revisions)).Query()
	rows := &entsql.Rows{}
	if err := conn.Query(ctx, query, args, rows); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	applied := map[string]int{}
	for rows.Next() {
		var version string
		var n int
		if err := rows.Scan(&version, &n); err != nil {
			return nil, err
		}
		applied[version] = n
	}
	return applied, rows.Err()
}

func (m *migrator) missing(applied map[string]int) []migration {
	var missing []migration
	for _, file := range m.all {
		if applied[file.version] < len(file.statements) {
			missing = append(missing, file)
		}
	}
	return missing
}

// apply goes on where a run before this one has stopped: only on MySQL, where
// what it did until then stays done, can that be in the middle of a file.
func (m *migrator) apply(ctx context.Context, conn dialect.ExecQuerier, file migration, applied map[string]int) error {
	begun, ok := applied[file.version]
	if !ok {
		insert := m.sql().Insert(revisions).Columns("version", "applied", "applied_at").Values(file.version, 0, timestamp())
		if err := exec(ctx, conn, insert); err != nil {
			return err
		}
	}
	for i, statement := range file.statements[begun:] {
		if err := conn.Exec(ctx, statement, []any{}, nil); err != nil && !m.wasDone(err) {
			return err
		}
		update := m.sql().Update(revisions).Set("applied", begun+i+1).Set("applied_at", timestamp()).
			Where(entsql.EQ("version", file.version))
		if err := exec(ctx, conn, update); err != nil {
			return err
		}
	}
	return nil
}

func (m *migrator) sql() *entsql.DialectBuilder { return entsql.Dialect(m.driver.Dialect()) }

func exec(ctx context.Context, conn dialect.ExecQuerier, statement entsql.Querier) error {
	query, args := statement.Query()
	return conn.Exec(ctx, query, args, nil)
}

func timestamp() string { return time.Now().UTC().Format(time.RFC3339) }
