package privacy

import (
	"context"
	"errors"
	"slices"

	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql"
)

// The conditions of a DELETE see what was there when it began. It may then wait for a
// row that somebody links another one to, and would delete that along, unseen. So the rows
// that it deletes are locked before, which waits for who is linking, and keeps out who
// comes after; then it begins, and is held to these rows, since others may match its
// predicate by now. Only a global row can be linked to by others. On SQLite one at a time
// writes.

// rowLocks locks the rows that a DELETE takes along.
type rowLocks struct {
	// rows locks those that the predicate is about, and returns their keys.
	rows sql.Querier
	// key is the column of the keys, as the DELETE has it.
	key string
	// below leads to the rows that go with them, from the top down.
	below [][]Hop
	operation
	dialect string
}

// locks returns what locks the rows that a DELETE with the selector's predicate takes
// along, where others may link to some of them, and nil where nobody can.
func (o operation) locks(ctx context.Context, s *sql.Selector) *rowLocks {
	var paths [][]Hop
	racy := false
	for _, d := range o.entity.Dependents {
		above := d.Path[:len(d.Path)-1]
		if !o.entity.global() && !slices.ContainsFunc(above, func(h Hop) bool { return h.Global }) {
			continue
		}
		racy = true
		for n := range above {
			if path := above[:n+1]; !slices.ContainsFunc(paths, func(other []Hop) bool { return slices.Equal(other, path) }) {
				paths = append(paths, path)
			}
		}
	}
	if !racy || s.Dialect() == dialect.SQLite {
		return nil
	}
	slices.SortStableFunc(paths, func(a, b []Hop) int { return len(a) - len(b) })
	return &rowLocks{lockedKeys(o.keysOf(ctx, s).ForUpdate()), s.Table().C(o.entity.ID), paths, o, s.Dialect()}
}

// keysOf selects the keys of the rows that the predicate is about.
func (o operation) keysOf(ctx context.Context, s *sql.Selector) *sql.Selector {
	rows := sql.Dialect(s.Dialect()).Select().From(s.Table()).WithContext(ctx)
	rows.SetP(s.P())
	return rows.Select(rows.C(o.entity.ID))
}

// lockedKeys has PostgreSQL return the keys as one array, which a statement takes as one
// argument, of which it has 65,535 at most.
func lockedKeys(rows *sql.Selector) sql.Querier {
	if rows.Dialect() != dialect.Postgres {
		return rows
	}
	p := sql.P(func(b *sql.Builder) {
		b.WriteString("SELECT array_agg(key)::text FROM ").Wrap(func(b *sql.Builder) { b.Join(rows) }).WriteString(" AS locked (key)")
	})
	p.SetDialect(rows.Dialect())
	return p
}

// take runs the locks, waits for what they wait for, and returns the DELETE held to the
// rows that are locked. Its last condition has to be one that another can be put behind.
func (l *rowLocks) take(ctx context.Context, on dialect.ExecQuerier, query string, args any) (string, any, error) {
	keys, err := queried(ctx, on, l.rows)
	if err != nil {
		return "", nil, err
	}
	for _, path := range l.below {
		if _, err := queried(ctx, on, l.lockPath(path, keys)); err != nil {
			return "", nil, err
		}
	}
	held := sql.P(func(b *sql.Builder) { writeKeys(b.WriteString(" AND "), l.key, keys) })
	held.SetDialect(l.dialect)
	before, _ := args.([]any)
	held.SetTotal(len(before))
	condition, more := held.Query()
	return query + condition, slices.Concat(before, more), nil
}

// lockPath locks the rows at the end of a path from those with the keys.
func (l *rowLocks) lockPath(path []Hop, keys []any) sql.Querier {
	deleted := sql.Dialect(l.dialect).Table("deleted")
	p := sql.P(func(b *sql.Builder) {
		writeTable(b.WriteString("SELECT 1 FROM "), l.schemas.of(l.entity.Table), l.entity.Table).WriteString(" AS deleted")
		writePath(b, l.schemas, Dependent{Path: path}, deleted.C(path[0].Ref))
		b.WriteString(" WHERE ")
		writeKeys(b, deleted.C(l.entity.ID), keys)
		b.WriteString(" FOR UPDATE")
		if b.Dialect() == dialect.Postgres { // MySQL locks all that it reads
			b.WriteString(" OF " + hopName(len(path)-1))
		}
	})
	p.SetDialect(l.dialect)
	return p
}

// writeKeys writes that the column has one of the keys, as [lockedKeys] has them returned.
func writeKeys(b *sql.Builder, column string, keys []any) {
	switch {
	case len(keys) == 0:
		b.WriteString("1 = 0")
	case b.Dialect() == dialect.Postgres:
		b.Ident(column).WriteString(" = ANY").Wrap(func(b *sql.Builder) { b.Arg(keys[0]) })
	default:
		b.Ident(column).WriteString(" IN ").Wrap(func(b *sql.Builder) { b.Args(keys...) })
	}
}

// queried returns the first column of all rows, since the last may be what is waited for.
func queried(ctx context.Context, on dialect.ExecQuerier, q sql.Querier) (values []any, err error) {
	query, args := q.Query()
	var rows sql.Rows
	if err := on.Query(ctx, query, args, &rows); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	return values, sql.ScanSlice(&rows, &values)
}
