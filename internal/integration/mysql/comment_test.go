package mysql_test

import (
	"context"
	"strings"
	"testing"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver"
	"github.com/entenancy/tenancy/driver/mysql"
)

// ownText asks the server for the text of the very statement that asks. It names
// a tenant's table because it has to.
const ownText = "SELECT info FROM information_schema.processlist WHERE id = connection_id() AND 0 <= (SELECT COUNT(*) FROM `tenancy_tenant`.`orders`);"

func TestCommentsReachTheServer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	drv, err := driver.New(mysql.Schemas(w.sent), driver.Config{
		Databases: driver.Databases{Open: mysql.Open(parse)},
		Comment:   func(context.Context) bool { return true },
	})
	must(t, err)
	for _, tenant := range w.all() {
		for _, id := range []tenancy.ID{tenant.ID, "`tenancy_tenant`.x", "*/ SELECT 1; /*", "'*/;--", "/*!50000 x */", `\'`, "?", "größe"} {
			tenant.ID = id
			rows, err := drv.QueryContext(as(t, tenant), ownText)
			found, err := column(rows, err)
			must(t, err)
			_, encoded, ok := strings.Cut(found[0], " /*tenant='")
			if len(found) != 1 || !ok || strings.ContainsAny(strings.TrimRight(encoded, "'*/;"), "'*/;`\\? ") {
				t.Errorf("%q: the server sees %q", id, found)
			}
			if tenant.Isolation == tenancy.IsolationDatabase {
				break // a pool belongs to one id
			}
		}
	}
}
