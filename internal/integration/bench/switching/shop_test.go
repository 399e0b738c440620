package switching_test

import (
	"context"
	"errors"
	"fmt"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"

	"github.com/entenancy/tenancy"
	plain "github.com/entenancy/tenancy/internal/integration/bench/plain/ent"
	"github.com/entenancy/tenancy/internal/integration/bench/plain/ent/order"
	scoped "github.com/entenancy/tenancy/internal/integration/bench/scoped/ent"
	scopedorder "github.com/entenancy/tenancy/internal/integration/bench/scoped/ent/order"
	_ "github.com/entenancy/tenancy/internal/integration/bench/scoped/ent/runtime"
)

// request is what an operation is about: a tenant, and the id of one of its
// rows, with at least 19 more after it.
type request struct {
	tenant tenancy.Tenant
	row    int
}

// shop does the operations. It fails where an answer is not the tenant's.
type shop interface {
	point(ctx context.Context, r request) error
	list(ctx context.Context, r request) error
	insert(ctx context.Context, r request) error
	// transaction reads a row, inserts one, and reads another.
	transaction(ctx context.Context, r request) error
}

// operation is what a row of a table is about.
type operation struct {
	name string
	run  func(s shop, ctx context.Context, r request) error
}

// transaction is the operation of more than one statement.
const transaction = "transaction"

func operations() []operation {
	return []operation{
		{"point read", shop.point},
		{"20 rows", shop.list},
		{"insert", shop.insert},
		{transaction, shop.transaction},
	}
}

// visits are the operations that have all of op's statements, outside of a
// transaction, within which none is prepared for one schema.
func (op operation) visits() []operation {
	if op.name == transaction {
		return []operation{operations()[0], operations()[2]}
	}
	return []operation{op}
}

// three are the statements of a transaction.
func three(ctx context.Context, s shop, r request) error {
	if err := s.point(ctx, r); err != nil {
		return err
	}
	if err := s.insert(ctx, r); err != nil {
		return err
	}
	r.row++
	return s.point(ctx, r)
}

var errNoRows = errors.New("got no rows")

// checkPoint and checkList fail on an answer that is not what was asked for.
func checkPoint(id string, r request) error {
	if id != string(r.tenant.ID) {
		return fmt.Errorf("got a row of %q, want one of %s", id, r.tenant)
	}
	return nil
}

func checkList(n int, id string, r request) error {
	if n != listed {
		return fmt.Errorf("got %d rows of %s, want %d", n, r.tenant, listed)
	}
	return checkPoint(id, r)
}

// plainShop is ent without this library: without tenancy, or with the
// predicate written by hand.
type plainShop struct {
	client    *plain.Client
	predicate bool
}

func openPlain(drv dialect.Driver) plainShop {
	return plainShop{client: plain.NewClient(plain.Driver(drv))}
}

func (s plainShop) point(ctx context.Context, r request) error {
	q := s.client.Order.Query().Where(order.ID(r.row))
	if s.predicate {
		q.Where(order.TenantID(string(r.tenant.ID)))
	}
	found, err := q.Only(ctx)
	if err != nil {
		return err
	}
	return checkPoint(found.TenantID, r)
}

func (s plainShop) list(ctx context.Context, r request) error {
	q := s.client.Order.Query().Where(order.IDGTE(r.row)).Order(order.ByID()).Limit(listed)
	if s.predicate {
		q.Where(order.TenantID(string(r.tenant.ID)))
	}
	found, err := q.All(ctx)
	if err != nil || len(found) == 0 {
		return errors.Join(errNoRows, err)
	}
	return checkList(len(found), found[len(found)-1].TenantID, r)
}

// insert says whose the row is with or without tenancy: to plain ent it is a
// column like others, and to the server the same row to write.
func (s plainShop) insert(ctx context.Context, r request) error {
	return s.client.Order.Create().SetTenantID(string(r.tenant.ID)).SetNote("a note").SetTotal(1).Exec(ctx)
}

func (s plainShop) transaction(ctx context.Context, r request) error {
	tx, err := s.client.Tx(ctx)
	if err != nil {
		return err
	}
	if err := three(ctx, plainShop{tx.Client(), s.predicate}, r); err != nil {
		_ = tx.Rollback()
		return err
	}
	return tx.Commit()
}

// scopedShop is this library: the code of an application without tenancy, and
// the tenant in the context.
type scopedShop struct{ client *scoped.Client }

func openScoped(drv dialect.Driver) scopedShop {
	return scopedShop{scoped.NewClient(scoped.TenancyDriver(drv))}
}

func (s scopedShop) point(ctx context.Context, r request) error {
	found, err := s.client.Order.Query().Where(scopedorder.ID(r.row)).Only(tenancy.NewContext(ctx, r.tenant))
	if err != nil {
		return err
	}
	return checkPoint(found.TenantID, r)
}

func (s scopedShop) list(ctx context.Context, r request) error {
	found, err := s.client.Order.Query().Where(scopedorder.IDGTE(r.row)).Order(scopedorder.ByID()).Limit(listed).All(tenancy.NewContext(ctx, r.tenant))
	if err != nil || len(found) == 0 {
		return errors.Join(errNoRows, err)
	}
	return checkList(len(found), found[len(found)-1].TenantID, r)
}

func (s scopedShop) insert(ctx context.Context, r request) error {
	return s.client.Order.Create().SetNote("a note").SetTotal(1).Exec(tenancy.NewContext(ctx, r.tenant))
}

func (s scopedShop) transaction(ctx context.Context, r request) error {
	ctx = tenancy.NewContext(ctx, r.tenant)
	tx, err := s.client.Tx(ctx)
	if err != nil {
		return err
	}
	if err := three(ctx, scopedShop{tx.Client()}, r); err != nil {
		_ = tx.Rollback()
		return err
	}
	return tx.Commit()
}

// connected makes a client of what has one connection already.
func connected(c entsql.ExecQuerier) plainShop {
	return openPlain(entsql.NewDriver(dialect.Postgres, entsql.Conn{ExecQuerier: c}))
}
