package driver

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/entenancy/tenancy"
)

// ErrSpansDatabases means that a statement, or a transaction, would have
// reached both the tenant's own database and the global entities in the home.
// Ask for them one after the other.
var ErrSpansDatabases = errors.New("driver: one statement over two databases")

func spans(t tenancy.Tenant) error {
	return fmt.Errorf("%w: %s has a database of its own, and global entities are in the home: ask for them one after the other", ErrSpansDatabases, t)
}

// crossTenant names neither side: one must not learn of the other.
func crossTenant() error {
	return fmt.Errorf("driver: the transaction began under another scope than the statement's: %w", tenancy.ErrCrossTenant)
}

// end ends a statement with its error, which it explains.
func (r *route) end(ctx context.Context, err error) error {
	return r.told.end(ctx, r.place.explain(err))
}

// explain says of an error of a tenant's own place that something is missing
// there, where that is what it means.
func (p *place) explain(err error) error {
	if err == nil || p.system || !p.own && p.tenant.Isolation != tenancy.IsolationSchema || !isMissing(err) {
		return err
	}
	if !errors.Is(err, tenancy.ErrNotProvisioned) { // of a driver that has not said so itself
		err = fmt.Errorf("driver: %w: %s: %w", tenancy.ErrNotProvisioned, p.tenant, err)
	}
	if p.saysWhose() {
		return err
	}
	return fmt.Errorf("%w (the table of a global entity is found only by a client that was generated with entext.Extension{Placement: true})", err)
}

// saysWhose reports a statement of a client that says whose tables it means, or none at all:
// it looks for no global table among a tenant's.
func (p *place) saysWhose() bool {
	return p.asked == "" || strings.Contains(p.asked, tenantTables) || strings.Contains(p.asked, globalTables)
}

// isMissing reports that a database, schema or table is not there. PostgreSQL's
// clients tell the SQLSTATE, the others have it in the text only.
func isMissing(err error) bool {
	var state interface{ SQLState() string }
	if errors.As(err, &state) {
		switch state.SQLState() {
		case "3D000", "3F000": // invalid catalog name, invalid schema name
			return true
		case "42P01": // undefined table, or one that the statement speaks of and does not list
			routine := routineOf(state)
			return routine != "errorMissingRTE" && routine != "transformLockingClause"
		}
		return false
	}
	text := err.Error()
	if rest, ok := strings.CutPrefix(text, "Error "); ok { // of MySQL: 1049 is an unknown database, 1146 an unknown table
		return strings.HasPrefix(rest, "1049") || strings.HasPrefix(rest, "1146")
	}
	return strings.Contains(text, "no such table") // of SQLite
}

// routineOf returns the function of PostgreSQL that raised an error, "" where the
// client does not tell. pgx and lib/pq have it in a field of one name.
func routineOf(err any) string {
	value := reflect.Indirect(reflect.ValueOf(err))
	if value.Kind() != reflect.Struct {
		return ""
	}
	field := value.FieldByName("Routine")
	if field.Kind() != reflect.String {
		return ""
	}
	return field.String()
}
