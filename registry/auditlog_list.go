package registry

import (
	"cmp"
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/audit"
	"github.com/entenancy/tenancy/registry/ent"
	"github.com/entenancy/tenancy/registry/ent/auditentry"
	"github.com/entenancy/tenancy/registry/ent/predicate"
)

// AuditQuery says which entries [AuditTable.List] returns, the newest first.
type AuditQuery struct {
	// TenantID is whose entries they are. It must not be empty, unless
	// AllTenants is set.
	TenantID tenancy.ID
	// AllTenants asks for the entries of all tenants and those of none. It is a
	// field of its own so that a tenant's id that got lost shows nobody's entries.
	AllTenants bool
	// Since leaves out what was recorded before. Defaults to nothing.
	Since time.Time
	// Until leaves out what was recorded then or later. Defaults to nothing.
	Until time.Time
	// After is where to go on: the Next of the page before. Defaults to the newest.
	After Cursor
	// Limit is how many entries are wanted. Defaults to DefaultLimit; more than
	// MaxLimit is taken as MaxLimit.
	Limit int
}

// AuditPage is a part of a listing.
type AuditPage struct {
	// Entries are the page's, the newest first.
	Entries []audit.Entry
	// Next is where the next page begins. It is empty on the last one.
	Next Cursor
}

// List returns a page of entries. A page costs the same at any depth. It fails
// with [tenancy.ErrInvalidQuery] for a query that cannot be meant.
func (a *AuditTable) List(ctx context.Context, q AuditQuery) (AuditPage, error) {
	filters, err := q.filters()
	if err != nil {
		return AuditPage{}, err
	}
	size := pageSize(q.Limit)
	rows, err := a.client.AuditEntry.Query().Where(filters...).
		Order(ent.Desc(auditentry.FieldRecordedAt, auditentry.FieldID)).
		Limit(size + 1). // one more, to know whether there is a next page
		All(ctx)
	if err != nil {
		return AuditPage{}, failed(ctx, "listing audit entries", err)
	}
	page := AuditPage{Entries: make([]audit.Entry, 0, min(len(rows), size))}
	for _, row := range rows[:min(len(rows), size)] {
		page.Entries = append(page.Entries, auditEntry(row))
	}
	if len(rows) > size {
		page.Next = cursorAfter(rows[size-1])
	}
	return page, nil
}

func (q AuditQuery) filters() ([]predicate.AuditEntry, error) {
	behind, err := q.behindCursor()
	if err := cmp.Or(q.validateTenant(), err); err != nil {
		return nil, err
	}
	if !q.AllTenants {
		behind = append(behind, auditentry.TenantIDEQ(q.TenantID))
	}
	if !q.Since.IsZero() {
		behind = append(behind, auditentry.RecordedAtGTE(q.Since.UTC()))
	}
	if !q.Until.IsZero() {
		behind = append(behind, auditentry.RecordedAtLT(q.Until.UTC()))
	}
	return behind, nil
}

func (q AuditQuery) validateTenant() error {
	switch {
	case q.AllTenants && q.TenantID != "":
		return invalidQuery("AllTenants", "there is a TenantID too")
	case q.AllTenants:
		return nil
	case q.TenantID == "":
		return invalidQuery("TenantID", "it is empty; set AllTenants to see the entries of all")
	}
	return asQuery("TenantID", q.TenantID.Validate())
}

// Cursors are those of tenants in the order of their creation.

func (q AuditQuery) behindCursor() ([]predicate.AuditEntry, error) {
	last, ok, err := Query{Order: OrderNewest, After: q.After}.Position()
	if err != nil || !ok {
		return nil, err
	}
	return []predicate.AuditEntry{
		auditentry.RecordedAtLTE(last.CreatedAt), // where the index is entered
		auditentry.Or(auditentry.RecordedAtLT(last.CreatedAt), auditentry.IDLT(string(last.ID))),
	}, nil
}

func cursorAfter(row *ent.AuditEntry) Cursor {
	return Query{Order: OrderNewest}.CursorAfter(tenancy.Tenant{ID: tenancy.ID(row.ID), CreatedAt: row.RecordedAt})
}

func auditEntry(row *ent.AuditEntry) audit.Entry {
	return audit.Entry{
		ID:         row.ID,
		Time:       row.RecordedAt.UTC(),
		TenantID:   row.TenantID,
		Actor:      audit.Actor{Principal: row.Principal, ClientAddr: row.ClientAddr, UserAgent: row.UserAgent},
		Action:     row.Action,
		Resource:   row.Resource,
		ResourceID: row.ResourceID,
		Reason:     row.Reason,
	}.WithMetadata(auditMetadata(row.Metadata))
}

// auditMetadata shows metadata as it is that somebody has spoiled: an auditor
// has to see the entry.
func auditMetadata(text string) map[string]any {
	var values map[string]any
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber() // large numbers stay what they are
	if err := decoder.Decode(&values); err != nil {
		return map[string]any{"unreadable": text}
	}
	return values
}
