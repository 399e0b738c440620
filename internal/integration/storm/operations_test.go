package storm

import (
	"context"
	"errors"
	"fmt"

	"entgo.io/ent/dialect/sql"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent"
	entitem "github.com/entenancy/tenancy/internal/integration/isolation/ent/item"
	entorder "github.com/entenancy/tenancy/internal/integration/isolation/ent/order"
)

// operation is something that an application does. It returns what it has
// changed, or would have if it had not failed.
type operation struct {
	name         string
	writes, inTx bool
	do           func(*worker, context.Context) ([]change, error)
}

// enough is how many orders a worker keeps.
const enough = 8

var operations = []operation{ //nolint:gochecknoglobals // a table
	{name: "read own", do: (*worker).readOwn},
	{name: "read newest", do: (*worker).readNewest},
	{name: "SQL: read", do: (*worker).readRaw},
	{name: "SQL: who am I", do: (*worker).ask},
	{name: "create", writes: true, do: (*worker).create},
	{name: "update", writes: true, do: (*worker).update},
	{name: "upsert", writes: true, do: (*worker).upsert},
	{name: "SQL: update", writes: true, do: (*worker).updateRaw},
	{name: "transaction", writes: true, inTx: true, do: (*worker).buy},
	{name: "transaction that deletes", writes: true, inTx: true, do: (*worker).remove},
}

// readOwn looks for all that the worker has, with an edge.
func (w *worker) readOwn(ctx context.Context) ([]change, error) {
	var numbers []string
	for number := range w.rows {
		numbers = append(numbers, number)
	}
	orders, err := w.client.Order.Query().Where(entorder.NumberIn(numbers...)).WithItems().All(ctx)
	if err != nil {
		return nil, err
	}
	if len(orders) != len(numbers) {
		return nil, wrongf("%d of %d orders are there", len(orders), len(numbers))
	}
	return nil, w.all(orders, true)
}

// readNewest looks at what all workers of the tenant have.
func (w *worker) readNewest(ctx context.Context) ([]change, error) {
	orders, err := w.client.Order.Query().Order(entorder.ByID(sql.OrderDesc())).Limit(30).All(ctx)
	if err != nil {
		return nil, err
	}
	return nil, w.all(orders, false)
}

func (w *worker) all(orders []*ent.Order, withItems bool) error {
	for _, o := range orders {
		r := row{there: true, total: o.Total, items: -1}
		if withItems {
			r.items = len(o.Edges.Items)
		}
		for _, i := range o.Edges.Items {
			if i.TenantID != o.TenantID || i.Sku != o.Number {
				return wrongf("an item of tenant %q in order %s", i.TenantID, o.Number)
			}
		}
		if err := w.found(o.TenantID, o.Number, o.Note, r); err != nil {
			return err
		}
	}
	return nil
}

// readRaw reads all columns, however many there are now.
func (w *worker) readRaw(ctx context.Context) (_ []change, err error) {
	rows, err := w.storm.world.driver.QueryContext(ctx, "SELECT * FROM orders ORDER BY id DESC LIMIT $1", 30)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		var tenantID, number, note string
		r := row{there: true, items: -1}
		targets := make([]any, len(columns))
		for i, column := range columns {
			switch column {
			case "tenant_id":
				targets[i] = &tenantID
			case "number":
				targets[i] = &number
			case "note":
				targets[i] = &note
			case "total":
				targets[i] = &r.total
			default:
				targets[i] = new(any)
			}
		}
		if err := rows.Scan(targets...); err != nil {
			return nil, err
		}
		if err := w.found(tenantID, number, note, r); err != nil {
			return nil, err
		}
	}
	return nil, rows.Err()
}

// ask asks the server for whom it acts and where.
func (w *worker) ask(ctx context.Context) (_ []change, err error) {
	rows, err := w.storm.world.driver.QueryContext(ctx, "SELECT current_setting('tenancy.tenant_id'), current_schema()")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	tenant, _ := tenancy.FromContext(ctx)
	want := tenant.Placement.Schema
	if want == "" {
		want = "public"
	}
	for rows.Next() {
		var id, schema string
		if err := rows.Scan(&id, &schema); err != nil {
			return nil, err
		}
		if id != string(tenant.ID) || schema != want {
			return nil, wrongf("the server acts for %q in %q", id, schema)
		}
	}
	return nil, rows.Err()
}

func (w *worker) create(ctx context.Context) ([]change, error) {
	if len(w.rows) >= enough {
		return w.remove(ctx)
	}
	c := change{number: w.newNumber(), after: row{there: true, total: w.random.IntN(1000)}}
	_, err := w.client.Order.Create().SetNumber(c.number).SetNote(w.note()).SetTotal(c.after.total).Save(ctx)
	return []change{c}, err
}

func (w *worker) update(ctx context.Context) ([]change, error) {
	number, before, ok := w.anOrder()
	if !ok {
		return nil, nil
	}
	c := change{number, before, row{true, w.random.IntN(1000), before.items}}
	n, err := w.client.Order.Update().Where(entorder.Number(number)).SetTotal(c.after.total).Save(ctx)
	if err == nil && n != 1 {
		err = wrongf("%d orders %s were updated", n, number)
	}
	return []change{c}, err
}

func (w *worker) upsert(ctx context.Context) ([]change, error) {
	number, before, ok := w.anOrder()
	if !ok || len(w.rows) < enough && w.random.IntN(2) == 0 {
		number, before = w.newNumber(), row{}
	}
	c := change{number, before, row{true, w.random.IntN(1000), before.items}}
	err := w.client.Order.Create().SetNumber(number).SetNote(w.note()).SetTotal(c.after.total).
		OnConflict(sql.ConflictColumns(entorder.FieldTenantID, entorder.FieldNumber)).SetTotal(c.after.total).Exec(ctx)
	return []change{c}, err
}

func (w *worker) updateRaw(ctx context.Context) ([]change, error) {
	number, before, ok := w.anOrder()
	if !ok {
		return nil, nil
	}
	c := change{number, before, before}
	c.after.total++
	result, err := w.storm.world.driver.ExecContext(ctx, "UPDATE orders SET total = total + 1 WHERE number = $1", number)
	if err != nil {
		return []change{c}, err
	}
	if n, _ := result.RowsAffected(); n != 1 {
		return []change{c}, wrongf("%d orders %s were updated", n, number)
	}
	return []change{c}, nil
}

// buy makes an order with items and changes another.
func (w *worker) buy(ctx context.Context) ([]change, error) {
	if len(w.rows) >= enough {
		return w.remove(ctx)
	}
	n := w.random.IntN(3)
	changes := []change{{number: w.newNumber(), after: row{true, w.random.IntN(1000), n}}}
	if number, before, ok := w.anOrder(); ok {
		changes = append(changes, change{number, before, row{true, before.total + 7, before.items}})
	}
	return w.inTx(ctx, changes, func(tx *ent.Tx) error {
		created, err := tx.Order.Create().SetNumber(changes[0].number).SetNote(w.note()).SetTotal(changes[0].after.total).Save(ctx)
		if err != nil {
			return err
		}
		items := make([]*ent.ItemCreate, n)
		for i := range items {
			items[i] = tx.Item.Create().SetSku(created.Number).SetOrder(created)
		}
		if err := tx.Item.CreateBulk(items...).Exec(ctx); err != nil {
			return err
		}
		if err := w.tryAnother(ctx, tx); err != nil {
			return err
		}
		for _, c := range changes[1:] {
			if err := w.raise(ctx, tx, c); err != nil {
				return err
			}
		}
		return nil
	})
}

// raise changes an order that it reads before and after.
func (w *worker) raise(ctx context.Context, tx *ent.Tx, c change) error {
	before, err := tx.Order.Query().Where(entorder.Number(c.number)).Only(ctx)
	if ent.IsNotFound(err) || err == nil && before.Total != c.before.total {
		return wrongf("order %s is %v in a transaction, want %+v", c.number, before, c.before)
	}
	if err != nil {
		return err
	}
	after, err := before.Update().AddTotal(c.after.total - c.before.total).Save(ctx)
	if err == nil && after.Total != c.after.total {
		return wrongf("order %s is %v after a change, want %+v", c.number, after, c.after)
	}
	return err
}

// remove deletes an order and its items.
func (w *worker) remove(ctx context.Context) ([]change, error) {
	number, before, ok := w.anOrder()
	if !ok {
		return nil, nil
	}
	return w.inTx(ctx, []change{{number: number, before: before}}, func(tx *ent.Tx) error {
		items, err := tx.Item.Delete().Where(entitem.HasOrderWith(entorder.Number(number))).Exec(ctx)
		if err != nil {
			return err
		}
		orders, err := tx.Order.Delete().Where(entorder.Number(number)).Exec(ctx)
		if err == nil && (orders != 1 || items != before.items) {
			return wrongf("%d orders %s with %d items were deleted, want %d items", orders, number, items, before.items)
		}
		return err
	})
}

// inTx makes changes in a transaction, which is rolled back one time in four.
func (w *worker) inTx(ctx context.Context, changes []change, work func(*ent.Tx) error) ([]change, error) {
	tx, err := w.client.Tx(ctx)
	if err != nil {
		return nil, undone{err}
	}
	if err := work(tx); err != nil {
		if failed := tx.Rollback(); failed != nil { // which an error before may explain, or not
			err = fmt.Errorf("%w, and rolling back: %w", err, failed)
		}
		return changes, undone{err}
	}
	if w.random.IntN(4) == 0 {
		return nil, tx.Rollback()
	}
	return changes, tx.Commit()
}

// tryAnother runs a statement of another tenant in a transaction.
func (w *worker) tryAnother(ctx context.Context, tx *ent.Tx) error {
	others := w.storm.world.tenants
	other := others[w.random.IntN(len(others))]
	if other == w.tenant {
		return nil
	}
	_, err := tx.Order.Query().Count(tenancy.NewContext(ctx, *other.record.Load()))
	if !errors.Is(err, tenancy.ErrCrossTenant) {
		return wrongf("a statement of %q in a transaction of %q: %v", other.id, w.tenant.id, err)
	}
	return nil
}
