package privacy

import (
	"context"
	"errors"
	"slices"
	"strconv"

	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql"
)

// The conditions of a DELETE see what was there when it began. It may then wait for a
// row that somebody links another one to, and would delete that along, unseen. So the rows
// that it deletes are locked before, which waits for who is linking, and keeps out who
// comes after; then it begins. Only a global row can be linked to by others. On SQLite
// one at a time writes.

// rowLock is a query that locks rows, with its arguments.
type rowLock struct {
	query string
	args  []any
}

// locks returns what locks the rows that a DELETE with the selector's predicate takes
// along, where others may link to some of them, from the top down.
func (o operation) locks(ctx context.Context, s *sql.Selector) []rowLock {
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
	all := []rowLock{built(o.deleted(ctx, s).SelectExpr(sql.Raw("1")).ForUpdate())}
	for _, path := range paths {
		all = append(all, o.lockPath(ctx, s, path))
	}
	return all
}

// deleted selects from the rows that the predicate is about.
func (o operation) deleted(ctx context.Context, s *sql.Selector) *sql.Selector {
	rows := sql.Dialect(s.Dialect()).Select().From(s.Table()).WithContext(ctx)
	rows.SetP(s.P())
	return rows
}

// lockPath locks the rows at the end of a path from the rows that are deleted.
func (o operation) lockPath(ctx context.Context, s *sql.Selector, path []Hop) rowLock {
	rows := o.deleted(ctx, s)
	rows.Select(rows.C(path[0].Ref))
	p := sql.P(func(b *sql.Builder) {
		b.WriteString("SELECT 1 FROM ")
		writePath(b, o.schemas, Dependent{Path: path})
		b.WriteString(" WHERE h0.").Ident(path[0].Column).WriteString(" IN ").Wrap(func(b *sql.Builder) { b.Join(rows) })
		b.WriteString(" FOR UPDATE")
		if b.Dialect() == dialect.Postgres { // MySQL locks all that it reads
			b.WriteString(" OF h" + strconv.Itoa(len(path)-1))
		}
	})
	p.SetDialect(s.Dialect())
	return built(p)
}

func built(q sql.Querier) rowLock {
	query, args := q.Query()
	return rowLock{query, args}
}

// take runs the statements, and waits for what they wait for.
func take(ctx context.Context, on dialect.ExecQuerier, locks []rowLock) error {
	for _, l := range locks {
		var rows sql.Rows
		if err := on.Query(ctx, l.query, l.args, &rows); err != nil {
			return err
		}
		for rows.Next() { // to the last, which is locked then
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return err
		}
	}
	return nil
}
