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
type assignments struct {
	nulls, columns []string
	dialect        string
}

// assignmentsOf reads the builder. ent lists the two kinds in one, so a mark
// is put at the end of the first, in a copy.
func assignmentsOf(b *sql.UpdateBuilder) assignments {
	const mark = "\x00"
	marked := *b
	marked.SetNull(mark)
	all := (&sql.UpdateSet{UpdateBuilder: &marked}).UpdateColumns()
	i := slices.Index(all, mark)
	return assignments{nulls: all[:i], columns: all[i+1:], dialect: b.Dialect()}
}

// count returns how often the column is set to a value. It refuses a clause that
// may set it by another spelling than ent's: databases take `"Note"`, `orders.note`
// and, some of them, `NOTE` for the same column, and what ent does not quote may be
// anything, more assignments among it.
func (a assignments) count(column string) (int, error) {
	n := 0
	for _, c := range slices.Concat(a.nulls, a.columns) {
		if c != column && a.mayBe(c, column) {
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

// mayBe reports whether ent writes c as anything but the name of one other column.
func (a assignments) mayBe(c, column string) bool {
	written := sql.Dialect(a.dialect).String(func(b *sql.Builder) { b.Ident(c) })
	if plain(written) { // as ALL_OF_IT, of which ent thinks that it begins with ALL
		return strings.EqualFold(written, column)
	}
	if len(written) < 2 || !strings.ContainsRune("\"`", rune(written[0])) || written[len(written)-1] != written[0] {
		return true
	}
	quote := written[:1]
	// With its table, or the schema of that, before it.
	for name := range strings.SplitSeq(written[1:len(written)-1], quote+"."+quote) {
		if strings.Contains(name, quote) || strings.EqualFold(name, column) {
			return true
		}
	}
	return false
}

// plain reports whether s is a name that needs no quotes.
func plain(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
}

func errUncheckedLink(e *Entity, column, remedy string) error {
	return denied(fmt.Errorf("%w: foreign key %q of %s is set to a row that was not checked; %s", tenancy.ErrCrossTenant, column, e.Name, remedy))
}
