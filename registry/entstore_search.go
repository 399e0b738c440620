package registry

import (
	"context"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy/registry/ent"
	"github.com/entenancy/tenancy/registry/ent/predicate"
	"github.com/entenancy/tenancy/registry/ent/tenant"
)

// Search implements Store. It asks for one rank after the other until it has
// enough, so that each is one walk along an index: all at once would have to
// be found and sorted before the first could be shown.
//
// On PostgreSQL a text with three letters or digits in a row is looked up by
// its trigrams. A shorter one that few tenants have is looked for in the whole
// table, as every text is on MySQL and SQLite.
func (s *EntStore) Search(ctx context.Context, text string, limit int) (Page, error) {
	if err := ValidateSearch(text); err != nil {
		return Page{}, err
	}
	rows, err := s.search(ctx, Fold(text), pageSize(limit))
	if err != nil {
		return Page{}, failed(ctx, "searching tenants", err)
	}
	return s.page(ctx, rows), nil
}

// search makes PostgreSQL plan for the text at hand. Drivers prepare their
// statements, and for one that is used often PostgreSQL soon makes a plan that
// goes by no text, which reads the whole table for a text that few tenants have.
func (s *EntStore) search(ctx context.Context, folded string, wanted int) (rows []*ent.Tenant, err error) {
	if s.driver.Dialect() != dialect.Postgres {
		return searchRanks(ctx, s.client, folded, wanted)
	}
	err = inTx(ctx, s.driver, func(tx dialect.ExecQuerier) (err error) {
		if err := tx.Exec(ctx, "SET LOCAL plan_cache_mode = force_custom_plan", []any{}, nil); err != nil {
			return err
		}
		rows, err = searchRanks(ctx, s.within(tx), folded, wanted)
		return err
	})
	return rows, err
}

func searchRanks(ctx context.Context, client *ent.Client, folded string, wanted int) ([]*ent.Tenant, error) {
	var rows []*ent.Tenant
	for _, rank := range ranks(folded) {
		found, err := client.Tenant.Query().Where(rank).Order(tenant.ByIdentifier()).Limit(wanted - len(rows)).All(ctx)
		if err != nil {
			return nil, err
		}
		if rows = append(rows, found...); len(rows) == wanted {
			break
		}
	}
	return rows, nil
}

// ranks returns the conditions of the ranks, the best first. Each leaves out
// what the one before it has. Identifiers need no folding.
func ranks(folded string) []predicate.Tenant {
	exact := tenant.Or(tenant.Identifier(folded), tenant.SearchName(folded))
	prefix := tenant.Or(tenant.IdentifierHasPrefix(folded), tenant.SearchNameHasPrefix(folded))
	anywhere := tenant.Or(tenant.IdentifierContains(folded), tenant.SearchNameContains(folded))
	return []predicate.Tenant{
		exact,
		tenant.And(prefix, tenant.Not(exact)),
		tenant.And(anywhere, tenant.Not(prefix)),
	}
}
