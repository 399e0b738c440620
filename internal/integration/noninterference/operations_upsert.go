package noninterference

import (
	"entgo.io/ent/dialect/sql"

	"github.com/entenancy/tenancy/internal/integration/isolation/ent"
	entitem "github.com/entenancy/tenancy/internal/integration/isolation/ent/item"
	entorder "github.com/entenancy/tenancy/internal/integration/isolation/ent/order"
)

func runUpsertOrder(resolve func(*ent.OrderUpsertOne, int) *ent.OrderUpsertOne) func(*call) (string, error) {
	return func(c *call) (string, error) {
		create := c.createOrder(c.new(order), c.numbers[0])
		conflict := sql.ConflictColumns(tenantColumn, entorder.FieldNumber)
		return done(resolve(create.OnConflict(conflict), c.n(1, 7)).Exec(c.ctx))
	}
}

func wantUpsertOrder(updates bool) func(*view) string {
	return func(v *view) string {
		key := v.new(order)
		met := v.keys("orders", where("number", v.orderNumber(v.numbers[0])))
		if len(met) == 0 {
			return v.insertOrder(key, v.numbers[0])
		}
		if v.numbers[2]%2 == 1 && v.tables["users"][v.key(user, 1)] == nil {
			return refused
		}
		if updates {
			return v.update("orders", met[0], row{"total": v.n(1, 7)})
		}
		return ok
	}
}

// An item's id is one that only its tenant has: to meet another's is an error
// where they share a table.
func (a *args) ownItem() string {
	own := *a
	own.foreign = 0
	return own.key(item, 0)
}

func runUpsertItem(c *call) (string, error) {
	key := c.ownItem()
	create := c.client.Item.Create().SetID(itemID(c.tenant, key)).SetSku(c.text(key, 1)).SetPrice(c.n(1, 5))
	return done(create.OnConflictColumns(entitem.FieldID).UpdateNewValues().Exec(c.ctx))
}

func wantUpsertItem(v *view) string {
	key := v.ownItem()
	r := row{"text": v.text(key, 1), "price": v.n(1, 5)}
	if v.tables["items"][key] == nil {
		return v.insert("items", key, r)
	}
	return v.update("items", key, r)
}
