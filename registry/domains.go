package registry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/internal/domainname"
	"github.com/entenancy/tenancy/registry/ent"
	"github.com/entenancy/tenancy/registry/ent/domain"
	"github.com/entenancy/tenancy/registry/ent/predicate"
	"github.com/entenancy/tenancy/registry/ent/tenant"
)

// DomainStore keeps the domains that tenants have brought along, and is a
// middleware.DomainLookup. It is safe for concurrent use, and contexts need no
// tenant. It keeps who has a domain, and does not ask whether they may: have a
// tenant show that a domain is theirs, as by a record in its DNS, before Add.
//
// A domain is at most 253 bytes long and has no port. Upper case and a dot at
// the end make no difference; names in other scripts are in their ASCII form
// (punycode).
type DomainStore interface {
	// Add gives a domain to a tenant, which may have many. It fails with
	// [tenancy.ErrExists] if a tenant has it already, be it this one,
	// [tenancy.ErrNotFound] if there is no such tenant, and
	// [tenancy.ErrInvalidIdentifier] for what is no domain name.
	Add(ctx context.Context, id tenancy.ID, domain string) error
	// Remove takes a domain away from a tenant. It fails with
	// [tenancy.ErrNotFound] if it is not this tenant's.
	Remove(ctx context.Context, id tenancy.ID, domain string) error
	// Of returns a tenant's domains, sorted: none for a tenant that is not there.
	Of(ctx context.Context, id tenancy.ID) ([]string, error)
	// IDByDomain returns the id of the tenant that has a domain, or
	// [tenancy.ErrNotFound].
	IDByDomain(ctx context.Context, domain string) (tenancy.ID, error)
	// IdentifierByDomain returns the identifier that the tenant has now, or
	// [tenancy.ErrNotFound]. It does not look whether the tenant is active.
	IdentifierByDomain(ctx context.Context, domain string) (string, error)
}

// DomainTable is a [DomainStore] in the registry's database. Get one from
// [EntStore.Domains]. Each lookup is one statement, whatever it is asked for; a
// [DomainCache] saves most of them.
//
// Where tenants are looked up in a [Cache], find them by a DomainCache over that
// Cache and not by the table. IdentifierByDomain returns the identifier that a
// tenant has now, under which the Cache may still have another who had it before.
type DomainTable struct{ store *EntStore }

var _ DomainStore = (*DomainTable)(nil)

// Domains returns the table of tenants' domains, which Init makes. Erase erases
// those of its tenant. Errors are those of [DomainStore], [tenancy.ErrUnavailable]
// or the context's.
func (s *EntStore) Domains() *DomainTable { return &DomainTable{s} }

// Add implements [DomainStore].
func (d *DomainTable) Add(ctx context.Context, id tenancy.ID, name string) error {
	name, err := domainOf(name)
	if err := cmp.Or(id.Validate(), err); err != nil {
		return err
	}
	err = retry(ctx, func() error {
		return inTx(ctx, d.store.driver, func(tx dialect.ExecQuerier) error {
			return d.add(ctx, d.store.within(tx), id, name)
		})
	})
	switch {
	case errors.Is(err, tenancy.ErrNotFound):
		return err
	case isTaken(err):
		return fmt.Errorf("%w: the domain is taken", tenancy.ErrExists)
	case err != nil:
		return failed(ctx, "adding a domain", err)
	}
	return nil
}

// add locks the tenant, so that it is not erased before its domain is there.
func (d *DomainTable) add(ctx context.Context, tx *ent.Client, id tenancy.ID, name string) error {
	query := tx.Tenant.Query().Where(d.store.hasID(id))
	if err := d.store.lock(ctx, tx, query); err != nil {
		return err
	}
	switch found, err := query.IDs(ctx); {
	case err != nil:
		return err
	case len(found) == 0:
		return tenancy.ErrNotFound
	}
	return tx.Domain.Create().SetID(name).SetTenantID(id).Exec(ctx)
}

// Remove implements [DomainStore].
func (d *DomainTable) Remove(ctx context.Context, id tenancy.ID, name string) error {
	name, err := domainOf(name)
	if err := cmp.Or(id.Validate(), err); err != nil {
		return err
	}
	var removed int
	err = retry(ctx, func() (err error) {
		removed, err = d.store.client.Domain.Delete().Where(domain.ID(name), domain.TenantID(id)).Exec(ctx)
		return err
	})
	switch {
	case err != nil:
		return failed(ctx, "removing a domain", err)
	case removed == 0:
		return tenancy.ErrNotFound
	}
	return nil
}

// Of implements [DomainStore].
func (d *DomainTable) Of(ctx context.Context, id tenancy.ID) ([]string, error) {
	if err := id.Validate(); err != nil {
		return nil, err
	}
	names, err := d.store.client.Domain.Query().Where(domain.TenantID(id)).Order(domain.ByID()).IDs(ctx)
	if err != nil {
		return nil, failed(ctx, "reading domains", err)
	}
	return names, nil
}

// IDByDomain implements [DomainStore].
func (d *DomainTable) IDByDomain(ctx context.Context, name string) (tenancy.ID, error) {
	row, err := d.store.client.Domain.Query().Where(domain.ID(asked(name))).Only(ctx)
	if err != nil {
		return "", notFoundOr(ctx, err)
	}
	return row.TenantID, nil
}

// IdentifierByDomain implements [DomainStore].
func (d *DomainTable) IdentifierByDomain(ctx context.Context, name string) (string, error) {
	identifier, err := d.store.client.Tenant.Query().Where(hasDomain(asked(name))).Select(tenant.FieldIdentifier).String(ctx)
	if err != nil {
		return "", notFoundOr(ctx, err)
	}
	return identifier, nil
}

// hasDomain is the condition that a row is the tenant of a domain.
func hasDomain(name string) predicate.Tenant {
	return func(s *entsql.Selector) {
		domains := entsql.Table(domain.Table)
		s.Join(domains).On(s.C(tenant.FieldID), domains.C(domain.FieldTenantID))
		s.Where(entsql.EQ(domains.C(domain.FieldID), name))
	}
}

func notFoundOr(ctx context.Context, err error) error {
	if ent.IsNotFound(err) {
		return tenancy.ErrNotFound
	}
	return failed(ctx, findingDomain, err)
}

const findingDomain = "finding the tenant of a domain"

// asked is what the database is asked for: nobody has the empty domain.
func asked(name string) string {
	name, err := domainOf(name)
	if err != nil {
		return ""
	}
	return name
}

// domainOf returns a domain as it is kept.
func domainOf(name string) (string, error) {
	lower, ok := domainname.Lower(strings.TrimSuffix(name, "."))
	if !ok || lower == "" || domainname.IsAddress(lower) {
		return "", fmt.Errorf("%w: not a domain name: give it without scheme and port, in punycode if it has letters beyond ASCII", tenancy.ErrInvalidIdentifier)
	}
	return lower, nil
}
