// Package typed_test attacks tenants whose ids are UUIDs and numbers.
package typed_test

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"testing"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	_ "github.com/go-sql-driver/mysql"
	"github.com/google/uuid"
	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/internal/integration/isolation/typed/ent"
	"github.com/entenancy/tenancy/internal/integration/isolation/typed/ent/doc"
	"github.com/entenancy/tenancy/internal/integration/isolation/typed/ent/entry"
	"github.com/entenancy/tenancy/internal/integration/isolation/typed/ent/ledger"
	_ "github.com/entenancy/tenancy/internal/integration/isolation/typed/ent/runtime"
	"github.com/entenancy/tenancy/internal/integration/isolation/typed/ent/tag"
	"github.com/entenancy/tenancy/internal/integration/isolation/typed/upsertent"
	_ "github.com/entenancy/tenancy/internal/integration/isolation/typed/upsertent/runtime"
	"github.com/entenancy/tenancy/internal/integration/servers"
)

// each runs a test on all databases, which it opens one after the other.
func each(t *testing.T, test func(*testing.T, *ent.Client, *upsertent.Client)) {
	for _, d := range []struct {
		name, driver, dialect string
		dsn                   func(testing.TB) string
	}{
		{"SQLite", "sqlite", dialect.SQLite, servers.SQLite},
		{"PostgreSQL", "pgx", dialect.Postgres, servers.Postgres},
		{"MariaDB", "mysql", dialect.MySQL, servers.MariaDB},
	} {
		t.Run(d.name, func(t *testing.T) {
			db, err := sql.Open(d.driver, d.dsn(t))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = db.Close() })
			drv := entsql.OpenDB(d.dialect, db)
			client := ent.NewClient(ent.Driver(drv))
			if err := client.Schema.Create(t.Context()); err != nil {
				t.Fatal(err)
			}
			t.Parallel()
			test(t, client, upsertent.NewClient(upsertent.Driver(drv)))
		})
	}
}

func as(t *testing.T, id string) context.Context {
	t.Helper()
	return tenancy.NewContext(t.Context(), tenancy.Tenant{ID: tenancy.ID(id)})
}

// count checks a number of rows.
func count(t *testing.T, what string, n int, err error, want int) {
	t.Helper()
	if err != nil || n != want {
		t.Errorf("%s: %d, %v; want %d", what, n, err, want)
	}
}

// refused checks that something was refused, for one of the reasons if any is given.
func refused(t *testing.T, what string, err error, reasons ...error) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: not refused", what)
	}
	for _, reason := range reasons {
		if errors.Is(err, reason) {
			return
		}
	}
	if len(reasons) > 0 {
		t.Errorf("%s: %v; want %v", what, err, reasons)
	}
}

func TestUUID(t *testing.T) {
	idA, idB := uuid.NewString(), uuid.NewString()
	each(t, func(t *testing.T, c *ent.Client, u *upsertent.Client) {
		a, b := as(t, idA), as(t, idB)
		tagA, tagB := c.Tag.Create().SetName("x").SaveX(a), c.Tag.Create().SetName("x").SaveX(b)
		docA := c.Doc.Create().SetTitle("one").AddTags(tagA).SaveX(a)
		docB := c.Doc.Create().SetTitle("one").AddTags(tagB).SaveX(b)

		n, err := c.Doc.Query().Where(doc.HasTagsWith(tag.Name("x"))).Count(a)
		count(t, "read", n, err, 1)
		n, err = c.Tag.Query().QueryDocs().QueryTags().Count(a)
		count(t, "walk", n, err, 1)
		docs, err := c.Doc.Query().Order(doc.ByTagsCount()).All(a)
		count(t, "order", len(docs), err, 1)
		tags, err := c.Tag.Query().Order(tag.ByDocsCount()).All(a)
		count(t, "order, back", len(tags), err, 1)
		n, err = docB.QueryTags().Count(a)
		count(t, "walk from B's", n, err, 0)
		n, err = c.Doc.Update().SetTitle("two").Save(a)
		count(t, "update", n, err, 1)
		n, err = c.Doc.Delete().Where(doc.ID(docB.ID)).Exec(a)
		count(t, "delete", n, err, 0)
		refused(t, "update one", c.Doc.UpdateOneID(docB.ID).Exec(a))
		refused(t, "clear", c.Doc.UpdateOneID(docB.ID).ClearTags().Exec(a))
		refused(t, "link M2M", c.Doc.UpdateOneID(docA.ID).AddTags(tagB).Exec(a), tenancy.ErrCrossTenant)
		refused(t, "link M2O", c.Doc.UpdateOneID(docA.ID).SetWholeID(docB.ID).Exec(a), tenancy.ErrCrossTenant)
		refused(t, "create linked", c.Doc.Create().SetTitle("z").AddTagIDs(tagB.ID).Exec(a), tenancy.ErrCrossTenant)
		refused(t, "create for B", c.Doc.Create().SetTitle("z").SetTenantID(uuid.MustParse(idB)).Exec(a), tenancy.ErrCrossTenant)
		refused(t, "System links", c.Doc.UpdateOneID(docA.ID).AddTags(tagB).Exec(tenancy.System(t.Context(), "test")), tenancy.ErrCrossTenant)
		if err := docA.Update().AddTags(tagA).Exec(a); err != nil {
			t.Errorf("linking twice: %v", err)
		}
		steal := u.Doc.Create().SetID(docB.ID).SetTitle("stolen")
		refused(t, "upsert", steal.OnConflictColumns("id").UpdateNewValues().Exec(a))
		refused(t, "upsert, ignoring", steal.OnConflictColumns("id").Ignore().Exec(a))
		if err := u.Doc.Create().SetTitle("one").OnConflictColumns("tenant_id", "title").UpdateNewValues().Exec(b); err != nil {
			t.Errorf("upserting one's own: %v", err)
		}
		n, err = docB.QueryTags().Count(b)
		count(t, "B's tags", n, err, 1)
		n, err = c.Doc.Query().Where(doc.Title("one")).Count(b)
		count(t, "B's docs", n, err, 1)
		for _, id := range []string{"1", "acme", "{" + idB + "}", "urn:uuid:" + idB, idB[:35], "00000000-0000-0000-0000-00000000000G", "AAAAAAAA-0000-0000-0000-000000000000"} {
			invalid(as(t, id), t, c)
		}
	})
}

// invalid checks that an id that is no UUID is none in any operation.
func invalid(ctx context.Context, t *testing.T, c *ent.Client) {
	t.Helper()
	_, err := c.Doc.Query().All(ctx)
	refused(t, "reading as an invalid id", err, tenancy.ErrInvalidID)
	refused(t, "creating as an invalid id", c.Doc.Create().SetTitle("z").Exec(ctx), tenancy.ErrInvalidID)
	n, err := c.Doc.Update().SetTitle("z").Save(ctx)
	count(t, "updating as an invalid id", n, nil, 0)
	refused(t, "updating as an invalid id", err, tenancy.ErrInvalidID)
	n, err = c.Doc.Delete().Exec(ctx)
	count(t, "deleting as an invalid id", n, nil, 0)
	refused(t, "deleting as an invalid id", err, tenancy.ErrInvalidID)
	titles, err := c.Doc.Query().Select(doc.FieldTitle).Strings(ctx)
	count(t, "selecting as an invalid id", len(titles), nil, 0)
	refused(t, "selecting as an invalid id", err, tenancy.ErrInvalidID)
	n, err = c.Doc.Query().Where(doc.HasTags()).Count(ctx)
	count(t, "asking as an invalid id", n, nil, 0)
	refused(t, "asking as an invalid id", err, tenancy.ErrInvalidID)
}

// TestBulkUpsertsLink has bulk upserts link rows to what they have met: a row of B by
// its id, and on MySQL, which tells one id for all of them, whatever comes after the first.
func TestBulkUpsertsLink(t *testing.T) {
	each(t, func(t *testing.T, c *ent.Client, u *upsertent.Client) {
		a, b, system := as(t, uuid.NewString()), as(t, uuid.NewString()), tenancy.System(t.Context(), "test")
		docB := c.Doc.Create().SetTitle("B's").SaveX(b)
		part, own := c.Doc.Create().SetTitle("part").SaveX(a), c.Tag.Create().SetName("x").SaveX(a)
		refused(t, "a row of B, with parts", u.Doc.CreateBulk(u.Doc.Create().SetID(docB.ID).SetTitle("z").AddPartIDs(part.ID)).OnConflictColumns("id").DoNothing().Exec(a))
		refused(t, "a row of B, with tags", u.Doc.CreateBulk(u.Doc.Create().SetID(docB.ID).SetTitle("z").AddTagIDs(own.ID)).OnConflictColumns("id").DoNothing().Exec(a))
		refused(t, "no row", u.Doc.CreateBulk(u.Doc.Create().SetTitle("part").AddTagIDs(own.ID)).OnConflictColumns("tenant_id", "title").DoNothing().Exec(a), tenancy.ErrCrossTenant)
		if err := u.Doc.CreateBulk(u.Doc.Create().SetID(part.ID).SetTitle("mine").AddTagIDs(own.ID)).OnConflictColumns("id").UpdateNewValues().Exec(a); err != nil {
			t.Errorf("a row of A: %v", err)
		}
		n, err := c.Doc.Query().Where(doc.ID(part.ID), doc.HasTags()).Count(a)
		count(t, "A's row with a tag", n, err, 1)
		same := func() *upsertent.DocCreate { return u.Doc.Create().SetTitle("same").AddTagIDs(own.ID) }
		err = u.Doc.CreateBulk(same(), same()).OnConflictColumns("tenant_id", "title").UpdateNewValues().Exec(a)
		if told := !strings.HasSuffix(t.Name(), "MariaDB"); errors.Is(err, tenancy.ErrCrossTenant) == told { // that the second is the first
			t.Errorf("a row of A, twice: %v", err)
		}
		if err := c.Doc.DeleteOneID(docB.ID).Exec(b); err != nil {
			t.Errorf("B deletes its row: %v", err)
		}

		a, b = as(t, "1"), as(t, "2")
		first, ofB, second := c.Ledger.Create().SetCode("1").SaveX(a), c.Ledger.Create().SetCode("1").SaveX(b), c.Ledger.Create().SetCode("2").SaveX(a)
		if first.ID+1 != ofB.ID || ofB.ID+1 != second.ID {
			t.Fatalf("ids are not in turns: %d, %d, %d", first.ID, ofB.ID, second.ID)
		}
		one, two := c.Entry.Create().SetAmount(1).SaveX(a), c.Entry.Create().SetAmount(2).SaveX(a)
		err = u.Ledger.CreateBulk(u.Ledger.Create().SetCode("1").AddEntryIDs(one.ID), u.Ledger.Create().SetCode("2").AddEntryIDs(two.ID)).
			OnConflictColumns(ledger.FieldTenantID, "code").UpdateNewValues().Exec(a)
		if err != nil && !errors.Is(err, tenancy.ErrCrossTenant) {
			t.Errorf("A's two rows: %v", err)
		}
		linked, countErr := c.Entry.Query().Where(entry.HasLedgerWith(ledger.ID(second.ID))).Count(a)
		count(t, "entries of A's second row, or none", linked, countErr, map[bool]int{true: 1, false: 0}[err == nil])
		n, err = c.Entry.Query().Where(entry.HasLedgerWith(ledger.ID(ofB.ID))).Count(system)
		count(t, "entries that refer to B's row", n, err, 0)
		one, two = c.Entry.Create().SetAmount(1).SaveX(a), c.Entry.Create().SetAmount(2).SaveX(a)
		if err := u.Ledger.CreateBulk(u.Ledger.Create().SetCode("3").AddEntryIDs(one.ID), u.Ledger.Create().SetCode("4").AddEntryIDs(two.ID)).Exec(a); err != nil {
			t.Errorf("two new rows: %v", err)
		}
	})
}

func TestInt64(t *testing.T) {
	each(t, func(t *testing.T, c *ent.Client, u *upsertent.Client) {
		a, b := as(t, "7"), as(t, "-70")
		markA, markB := c.Mark.Create().SetName("x").SaveX(a), c.Mark.Create().SetName("x").SaveX(b)
		ledgerA := c.Ledger.Create().SetID(1).SetCode("one").AddMarks(markA).SaveX(a)
		ledgerB := c.Ledger.Create().SetID(2).SetCode("one").AddMarks(markB).SaveX(b)
		entryB := c.Entry.Create().SetAmount(1).SetLedger(ledgerB).SaveX(b)

		n, err := c.Ledger.Query().Where(ledger.HasMarks()).Count(a)
		count(t, "read", n, err, 1)
		n, err = c.Ledger.Query().Where(ledger.HasEntries()).Count(a)
		count(t, "ask", n, err, 0)
		ledgers, err := c.Ledger.Query().WithEntries().WithMarks().Order(ledger.ByEntriesCount()).All(a)
		count(t, "load", len(ledgers), err, 1)
		n, err = c.Ledger.Update().SetCode("two").Save(a)
		count(t, "update", n, err, 1)
		n, err = c.Entry.Delete().Exec(a)
		count(t, "delete", n, err, 0)
		refused(t, "update one", c.Entry.UpdateOneID(entryB.ID).Exec(a))
		refused(t, "clear", c.Ledger.UpdateOneID(2).ClearMarks().ClearEntries().Exec(a))
		refused(t, "link M2M", ledgerA.Update().AddMarks(markB).Exec(a), tenancy.ErrCrossTenant)
		refused(t, "link O2M", ledgerA.Update().AddEntries(entryB).Exec(a), tenancy.ErrCrossTenant)
		refused(t, "link M2O", c.Entry.Create().SetAmount(1).SetLedgerID(2).Exec(a), tenancy.ErrCrossTenant)
		refused(t, "link in bulk", c.Entry.CreateBulk(c.Entry.Create().SetAmount(1).SetLedgerID(2)).Exec(a), tenancy.ErrCrossTenant)
		refused(t, "create for B", c.Mark.Create().SetName("z").SetTenantID(-70).Exec(a), tenancy.ErrCrossTenant)
		refused(t, "System links", ledgerA.Update().AddMarks(markB).Exec(tenancy.System(t.Context(), "test")), tenancy.ErrCrossTenant)
		if err := ledgerA.Update().AddMarks(markA).Exec(a); err != nil {
			t.Errorf("linking twice: %v", err)
		}
		refused(t, "upsert", u.Ledger.Create().SetID(2).SetCode("stolen").OnConflictColumns("id").UpdateNewValues().Exec(a))
		refused(t, "upsert in bulk", u.Ledger.CreateBulk(u.Ledger.Create().SetID(2).SetCode("stolen")).OnConflictColumns("id").UpdateNewValues().Exec(a))
		if err := u.Ledger.Create().SetID(2).SetCode("one").OnConflictColumns("org_id", "code").Ignore().Exec(b); err != nil {
			t.Errorf("upserting one's own: %v", err)
		}
		n, err = ledgerB.QueryMarks().Count(b)
		count(t, "B's marks", n, err, 1)
		for _, id := range []string{"07", "+7", "7.0", "7e0", "0x7", "7 OR 1=1", "acme", "９", "9223372036854775808", "-0"} {
			_, err := c.Ledger.Query().All(as(t, id))
			refused(t, "reading as "+id, err, tenancy.ErrInvalidID)
			refused(t, "creating as "+id, c.Mark.Create().SetName("z").Exec(as(t, id)), tenancy.ErrInvalidID)
			_, err = c.Mark.Delete().Exec(as(t, id))
			refused(t, "deleting as "+id, err, tenancy.ErrInvalidID)
		}
	})
}
