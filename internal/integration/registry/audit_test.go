package registry_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/audit"
	"github.com/entenancy/tenancy/registry"
)

func newAuditLog(t *testing.T, sinks ...audit.Sink) *audit.Log {
	t.Helper()
	log, err := audit.New(sinks, audit.Config{Timeout: 30 * time.Second, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := log.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return log
}

// What was recorded is what is listed, whatever clients have sent.
func TestAuditTable(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, store *registry.EntStore, _ database) {
		table := store.Audit()
		log := newAuditLog(t, table)
		for _, text := range []string{"plain", "a\x00b\xff", strings.Repeat("é𝄞", 2000), "'; DROP TABLE tenancy_audit; --", "ends with a space ", ""} {
			ctx := audit.WithActor(tenancy.NewContext(t.Context(), tenancy.Tenant{ID: "acme"}), audit.Actor{Principal: text, ClientAddr: text, UserAgent: text})
			entry := audit.Entry{Action: "act" + text, Resource: "res" + text, ResourceID: text, Reason: text}.
				WithMetadata(map[string]any{"text": text, "n": uint64(1) << 63, "deep": map[string]any{"_enc_x": text + "s3cr3t"}})
			if err := log.Record(ctx, entry); err != nil {
				t.Fatal(err)
			}
			page, err := table.List(t.Context(), registry.AuditQuery{TenantID: "acme", Limit: 1})
			if err != nil || len(page.Entries) != 1 {
				t.Fatalf("got %+v and %v", page, err)
			}
			// A sink is given what is listed: the same ID, the same everything.
			kept := &keep{}
			if err := newAuditLog(t, kept).Record(ctx, entry); err != nil {
				t.Fatal(err)
			}
			got, want := page.Entries[0], kept.entries[0]
			got.ID, got.Time = want.ID, want.Time
			if got != want || strings.Contains(got.MetadataJSON(), "s3cr3t") {
				t.Errorf("listed  %+v,\nrecorded %+v", got, want)
			}
		}
	})
}

// keep is a sink.
type keep struct{ entries []audit.Entry }

func (k *keep) Write(_ context.Context, entries []audit.Entry) error {
	k.entries = append(k.entries, entries...)
	return nil
}

// entries are numbered; three in a row have the same time.
func numbered(n int, id tenancy.ID) []audit.Entry {
	var all []audit.Entry
	for i := range n {
		all = append(all, audit.Entry{
			ID: fmt.Sprintf("%s-%04d", id, i), Time: time.Date(2026, 11, 1, 0, i/3, 0, 123456000, time.UTC), TenantID: id, Action: "a", Resource: "r",
		})
	}
	return all
}

func TestAuditTableList(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, store *registry.EntStore, _ database) {
		table := store.Audit()
		for _, id := range []tenancy.ID{"acme", "Acme", "globex", ""} {
			if err := table.Write(t.Context(), numbered(20, id)); err != nil {
				t.Fatal(err)
			}
		}
		var got []string
		for q := (registry.AuditQuery{TenantID: "acme", Limit: 3}); ; {
			page, err := table.List(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range page.Entries {
				got = append(got, e.ID)
			}
			if q.After = page.Next; q.After == "" {
				break
			}
		}
		var want []string
		for i := 19; i >= 0; i-- {
			want = append(want, fmt.Sprintf("acme-%04d", i))
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("got  %v,\nwant %v", got, want)
		}
		at := func(minute int) time.Time { return time.Date(2026, 11, 1, 0, minute, 0, 123456000, time.UTC) }
		for _, test := range []struct {
			query registry.AuditQuery
			want  int
		}{
			{registry.AuditQuery{AllTenants: true}, 80},
			{registry.AuditQuery{TenantID: "nobody"}, 0},
			{registry.AuditQuery{TenantID: "acme", Since: at(2)}, 14},
			{registry.AuditQuery{TenantID: "acme", Until: at(2)}, 6},
			{registry.AuditQuery{TenantID: "acme", Since: at(1), Until: at(2).In(time.FixedZone("", 3600))}, 3},
			{registry.AuditQuery{AllTenants: true, Since: at(6)}, 8},
		} {
			if page, err := table.List(t.Context(), test.query); err != nil || len(page.Entries) != test.want {
				t.Errorf("%+v: got %d entries and %v, want %d", test.query, len(page.Entries), err, test.want)
			}
		}
	})
}

func TestAuditTableRefusesQueries(t *testing.T) {
	t.Parallel()
	table := open(t, kinds()[0].empty(t)).Audit()
	for field, q := range map[string]registry.AuditQuery{
		"TenantID":   {}, // nobody's entries, rather than everybody's
		"TenantID: ": {TenantID: " x"},
		"AllTenants": {TenantID: "acme", AllTenants: true},
		"After":      {TenantID: "acme", After: "x"},
	} {
		if page, err := table.List(t.Context(), q); !errors.Is(err, tenancy.ErrInvalidQuery) || !strings.Contains(err.Error(), field) || page.Entries != nil {
			t.Errorf("%+v: got %+v and %v", q, page, err)
		}
	}
	if err := table.Write(t.Context(), numbered(1, "acme")); !errors.Is(err, tenancy.ErrUnavailable) {
		t.Errorf("without the table: got %v", err)
	}
	if _, err := table.List(t.Context(), registry.AuditQuery{TenantID: "acme"}); !errors.Is(err, tenancy.ErrUnavailable) {
		t.Errorf("without the table: got %v", err)
	}
}

// A write that is tried again, of which some or all was done, is no second entry.
func TestAuditTableWriteAgain(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, store *registry.EntStore, _ database) {
		table, entries := store.Audit(), numbered(10, "acme")
		changed := entries[0]
		changed.Action = "changed"
		for _, some := range [][]audit.Entry{entries[:4], entries, entries, {changed}, append(entries[:1:1], entries...), nil} {
			if err := table.Write(t.Context(), some); err != nil {
				t.Fatal(err)
			}
		}
		page, err := table.List(t.Context(), registry.AuditQuery{TenantID: "acme"})
		if err != nil || len(page.Entries) != 10 || page.Entries[9].Action != "a" {
			t.Errorf("%d entries (%v): %+v", len(page.Entries), err, page.Entries)
		}
	})
}

func TestAuditTableConcurrent(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, store *registry.EntStore, _ database) {
		table := store.Audit()
		log := newAuditLog(t, table)
		ctx := tenancy.NewContext(t.Context(), tenancy.Tenant{ID: "acme"})
		var all sync.WaitGroup
		for i := range 16 {
			all.Go(func() {
				record := log.Record
				if i%2 == 0 {
					record = log.Submit
				}
				for range 5 {
					if err := record(ctx, audit.Entry{Action: "a", Resource: "r"}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		if err := log.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if page, err := table.List(t.Context(), registry.AuditQuery{TenantID: "acme"}); err != nil || len(page.Entries) != 80 {
			t.Errorf("%d entries (%v), want 80", len(page.Entries), err)
		}
	})
}

// Each page is a walk along an index, and sorts nothing.
func TestAuditTableIsListedByIndex(t *testing.T) {
	t.Parallel()
	db := postgres().empty(t)
	if err := open(t, db).Init(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		`INSERT INTO tenancy_audit (id, recorded_at, tenant_id, action, resource, metadata)
			SELECT lpad(i::text, 8, '0'), timestamptz '2026-11-01' + i * interval '1 second', 'tenant-' || i % 100, 'a', 'r', '{}' FROM generate_series(1, 20000) i`,
		"ANALYZE tenancy_audit",
	} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	plans := &plans{db: db}
	store, err := registry.NewEntStore(&explained{db.driver, plans}, registry.EntConfig{})
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range []registry.AuditQuery{{TenantID: "tenant-7", Limit: 10}, {AllTenants: true, Limit: 10}} {
		for range 3 {
			page, err := store.Audit().List(t.Context(), q)
			if err != nil || len(page.Entries) != 10 {
				t.Fatalf("%d entries (%v)", len(page.Entries), err)
			}
			q.After = page.Next
		}
	}
	if len(plans.all) != 6 {
		t.Errorf("%d queries for 6 pages", len(plans.all))
	}
	for _, plan := range plans.all {
		if strings.Contains(plan, "Seq Scan") || strings.Contains(plan, "Sort") && !strings.Contains(plan, "Incremental Sort") {
			t.Errorf("a page is not a walk along an index:\n%s", plan)
		}
	}
}
