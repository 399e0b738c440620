package noninterference

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/entenancy/tenancy/internal/integration/isolation/ent"
)

// operation is one thing that an application does. It is written down twice:
// as code over the generated client, and as what the model makes of it.
type operation struct {
	name string
	// run does it and returns what an application would see.
	run func(*call) (string, error)
	// want changes the model and returns what run has to return.
	want func(*view) string

	weight  int // how often it is chosen, 0 for once
	control control
	globals bool // needs the global tables
	raw     bool // is SQL written by hand
	reads   bool // changes nothing
}

// control marks the operations that the runner does itself.
type control int

const (
	ordinary control = iota
	begin
	commit
	rollback
	savepoint
	rollbackTo
	kill
)

// operations returns those that a cell can do.
func operations(c Cell) []*operation {
	all := slices.Concat(createOperations(), updateOperations(), deleteOperations(), edgeOperations(), readOperations(), rawOperations(), []*operation{
		{name: "begin", control: begin, weight: 14},
		{name: "commit", control: commit, weight: 8},
		{name: "rollback", control: rollback, weight: 3},
		{name: "savepoint", control: savepoint, weight: 6},
		{name: "rollback to savepoint", control: rollbackTo, weight: 3},
		{name: "kill all connections", control: kill, weight: 2},
	})
	return slices.DeleteFunc(all, func(op *operation) bool {
		return op.globals && c.NoGlobals || op.raw && c.NoRawSQL
	})
}

// kind is an entity whose rows a step can choose. A row's key in the model is
// its kind and a number, and begins the row's text.
type kind string

const (
	user    kind = "user"
	order   kind = "order"
	item    kind = "item"
	profile kind = "profile"
	group   kind = "group"
	team    kind = "team"
	club    kind = "club"
	memo    kind = "memo"
)

// table is the name of the kind's table.
func (k kind) table() string { return string(k) + "s" }

// strangers is the key of a row that is not the tenant's. No row has it.
const strangers = "another tenant's row"

// args is what a step means for its tenant, in the database and in the model.
type args struct {
	step
	before  *model       // the tenant's rows before the step, or what they may be
	made    map[kind]int // how many rows the tenant has tried to make before
	fresh   map[kind]int // and in this step
	globals bool
}

// n is the number at a place of the step, less than limit.
func (a *args) n(place, limit int) int { return a.numbers[place] % limit }

// key returns the key of the row that a number chooses: mostly one that is
// there, the younger the lower, and at times one that is not any more.
func (a *args) key(k kind, place int) string {
	if a.foreign == place+1 {
		return strangers
	}
	n, made := a.numbers[place], a.made[k]
	there := a.before.keys(k.table(), all)
	switch {
	case len(there) > 0 && n < 7:
		return there[len(there)-1-n%len(there)]
	case made > 0:
		return fmt.Sprint(string(k), made-n%made)
	}
	return string(k) + "0"
}

// new returns the key of a row that is to be made.
func (a *args) new(k kind) string {
	a.fresh[k]++
	return fmt.Sprint(string(k), a.made[k]+a.fresh[k])
}

// text returns the text of a row, which holds its tenant's mark and its key.
func (a *args) text(key string, n int) string { return fmt.Sprintf("%s.%s|%d", mark(a.tenant), key, n) }

// email returns one of seven addresses, so that they collide, or none.
func (a *args) email(n int) any {
	if n%8 == 0 {
		return nil
	}
	return fmt.Sprintf("%s%d@example.com", mark(a.tenant), n%8)
}

// view is the model as an operation finds it.
type view struct {
	*model
	args
}

// call is a run of an operation on the client.
type call struct {
	args
	ctx    context.Context // It is the operation's one argument.
	client *ent.Client
	place  *Place
	// find returns the id of a row of the tenant's, or one that no row has.
	find func(k kind, key string) int
	// learn remembers the id of a new row.
	learn func(k kind, key string, id int)
	exec  func(ctx context.Context, query string, args ...any) (sql.Result, error)
	query func(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// id returns the id of the row that a number chooses.
func (c *call) id(k kind, place int) int { return c.find(k, c.key(k, place)) }

// itemID returns the id of the item that a number chooses.
func (c *call) itemID(place int) uuid.UUID {
	key, tenant := c.key(item, place), c.tenant
	if key == strangers {
		key, tenant = fmt.Sprint(string(item), 1+c.numbers[place]), (tenant+1)%maxTenants
	}
	return itemID(tenant, key)
}

// itemID makes ids that are known beforehand.
func itemID(tenant int, key string) uuid.UUID {
	return uuid.NewSHA1(uuid.NameSpaceOID, []byte(mark(tenant)+key))
}

// done is the answer of an operation that returns nothing.
func done(err error) (string, error) { return ok, err }

// counted is the answer of an operation that returns a number.
func counted(n int, err error) (string, error) { return fmt.Sprint(n), err }

// listed is the answer of a query, in its order.
func listed(texts []string, err error) (string, error) { return strings.Join(texts, " "), err }

// line shows a row: its text, and its columns and edges by name. Of an edge
// to many it shows all, sorted.
func line(text string, parts map[string]any) string {
	var b strings.Builder
	b.WriteString(text)
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		switch v := parts[name].(type) {
		case nil:
		case []string:
			if len(v) > 0 {
				fmt.Fprintf(&b, " %s=%v", name, slices.Sorted(slices.Values(v)))
			}
		default:
			if v != "" && v != 0 {
				fmt.Fprintf(&b, " %s=%v", name, v)
			}
		}
	}
	return b.String()
}
