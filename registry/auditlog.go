package registry

import (
	"context"
	"time"

	"github.com/entenancy/tenancy/audit"
	"github.com/entenancy/tenancy/registry/ent"
	"github.com/entenancy/tenancy/registry/ent/auditentry"
)

// AuditTable is an [audit.Sink] in the registry's database. Get one from
// [EntStore.Audit]. It is safe for concurrent use.
//
// It adds entries and reads them, and does nothing else: a role of the database
// that may only INSERT into the table and SELECT from it is enough, and keeps
// what is in it from being changed by whoever gets hold of the application.
type AuditTable struct{ client *ent.Client }

var _ audit.Sink = (*AuditTable)(nil)

// Audit returns the table of audit entries, which Init makes. Entries stay when
// their tenant is erased. Contexts need no tenant.
func (s *EntStore) Audit() *AuditTable { return &AuditTable{s.client} }

// Write implements [audit.Sink], in one statement. Entries that are in the
// table already are left as they are.
func (a *AuditTable) Write(ctx context.Context, entries []audit.Entry) error {
	err := a.insert(ctx, entries)
	if err != nil && isTaken(err) {
		err = a.insertMissing(ctx, entries)
	}
	if err != nil {
		return failed(ctx, "writing audit entries", err)
	}
	return nil
}

func (a *AuditTable) insert(ctx context.Context, entries []audit.Entry) error {
	return a.client.AuditEntry.MapCreateBulk(entries, func(create *ent.AuditEntryCreate, i int) {
		e := entries[i]
		create.SetID(e.ID).
			SetRecordedAt(e.Time.UTC().Truncate(time.Microsecond)).
			SetTenantID(e.TenantID).
			SetPrincipal(e.Actor.Principal).
			SetAction(e.Action).
			SetResource(e.Resource).
			SetResourceID(e.ResourceID).
			SetClientAddr(e.Actor.ClientAddr).
			SetUserAgent(e.Actor.UserAgent).
			SetReason(e.Reason).
			SetMetadata(e.MetadataJSON())
	}).Exec(ctx)
}

// insertMissing is for a write that is tried again, of which some was done.
func (a *AuditTable) insertMissing(ctx context.Context, entries []audit.Entry) error {
	ids := make([]string, len(entries))
	for i, e := range entries {
		ids[i] = e.ID
	}
	present, err := a.client.AuditEntry.Query().Where(auditentry.IDIn(ids...)).IDs(ctx)
	if err != nil {
		return err
	}
	known := make(map[string]bool, len(entries))
	for _, id := range present {
		known[id] = true
	}
	var missing []audit.Entry
	for _, e := range entries {
		if !known[e.ID] {
			known[e.ID] = true
			missing = append(missing, e)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return a.insert(ctx, missing)
}
