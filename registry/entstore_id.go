package registry

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
)

// RegistryID returns what tells this registry from all others: a random number, which
// is kept in the database from the first call on, and the database's name, which
// tells a copy under another name apart. A copy under the same name, as of a backup on
// another server, has the same one. It needs no tenant in ctx, and fails with
// [tenancy.ErrUnavailable] or the context's error.
func (s *EntStore) RegistryID(ctx context.Context) (string, error) {
	id, err := s.readID(ctx)
	if err == nil && id == "" {
		if err = s.makeID(ctx); err == nil {
			id, err = s.readID(ctx) // which another process may have made
		}
	}
	if err == nil && id == "" {
		err = errors.New("its row is missing: apply the migrations")
	}
	if err != nil {
		return "", failed(ctx, "reading the registry's id", err)
	}
	return id, nil
}

// idRow is the name of the row of the lockTable that has the random number.
const idRow = "registry"

// readID returns an empty id if there is none yet.
func (s *EntStore) readID(ctx context.Context) (_ string, err error) {
	database := map[string]string{dialect.Postgres: "current_database()", dialect.MySQL: "DATABASE()", dialect.SQLite: "''"}[s.driver.Dialect()]
	query, args := entsql.Dialect(s.driver.Dialect()).Select("taken").AppendSelectExpr(entsql.Expr(database)).
		From(entsql.Table(lockTable)).Where(entsql.EQ("name", idRow)).Query()
	rows := &entsql.Rows{}
	if err := s.driver.Query(ctx, query, args, rows); err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	if !rows.Next() {
		return "", rows.Err()
	}
	var number int64
	var name string
	if err := rows.Scan(&number, &name); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d.%s", number, strings.ToLower(name)), nil // MySQL may give the name as the client wrote it
}

func (s *EntStore) makeID(ctx context.Context) error {
	insert := entsql.Dialect(s.driver.Dialect()).Insert(lockTable).Columns("name", "taken").
		Values(idRow, rand.Int64()). //nolint:gosec // it is to differ, and is no secret
		OnConflict(entsql.ConflictColumns("name"), entsql.DoNothing())
	return retry(ctx, func() error { return exec(ctx, s.driver, insert) })
}
