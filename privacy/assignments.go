package privacy

import (
	"fmt"
	"slices"
	"strings"

	"entgo.io/ent/dialect/sql"

	"github.com/entenancy/tenancy"
)

// assignments is what a SET clause assigns to, after a user's function has
// been at it: the columns set to NULL, and the columns set to a value.
type assignments struct{ nulls, columns []string }

// assignmentsOf reads the builder. ent lists the two kinds in one, so a mark
// is put at the end of the first, in a copy.
func assignmentsOf(b *sql.UpdateBuilder) assignments {
	const mark = "\x00"
	marked := *b
	marked.SetNull(mark)
	all := (&sql.UpdateSet{UpdateBuilder: &marked}).UpdateColumns()
	i := slices.Index(all, mark)
	return assignments{nulls: all[:i], columns: all[i+1:]}
}

// count returns how often the column is set to a value. It refuses a column
// that is spelled in another way than ent does: databases take `"Note"`,
// `orders.note` and, some of them, `NOTE` for the same one, and ent passes on
// whatever has a parenthesis in it.
func (a assignments) count(column string) (int, error) {
	n := 0
	for _, c := range slices.Concat(a.nulls, a.columns) {
		if c != column && (strings.ContainsAny(c, "( ") || strings.EqualFold(plainName(c), column)) {
			return 0, denied(fmt.Errorf("%w: a SET clause spells column %q in a way that cannot be checked", tenancy.ErrCrossTenant, column))
		}
	}
	for _, c := range a.columns {
		if c == column {
			n++
		}
	}
	return n, nil
}

// onlyOnce refuses a clause that assigns to the tenant column more than once.
func (a assignments) onlyOnce(e *Entity) error {
	n, err := a.count(e.Tenant.Name)
	if err == nil && (n > 1 || slices.Contains(a.nulls, e.Tenant.Name)) {
		err = denied(fmt.Errorf("%w: a SET clause changes the tenant of a %s", tenancy.ErrCrossTenant, e.Name))
	}
	return err
}

// plainName is the name of a column without quotes and qualifier.
func plainName(c string) string {
	if i := strings.LastIndexByte(c, '.'); i >= 0 {
		c = c[i+1:]
	}
	return strings.Trim(c, "\"`")
}

func errUncheckedLink(e *Entity, column, remedy string) error {
	return denied(fmt.Errorf("%w: foreign key %q of %s is set to a row that was not checked; %s", tenancy.ErrCrossTenant, column, e.Name, remedy))
}
