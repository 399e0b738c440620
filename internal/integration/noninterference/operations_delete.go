package noninterference

import (
	"fmt"

	entitem "github.com/entenancy/tenancy/internal/integration/isolation/ent/item"
	entmembership "github.com/entenancy/tenancy/internal/integration/isolation/ent/membership"
	entuser "github.com/entenancy/tenancy/internal/integration/isolation/ent/user"
	entvisit "github.com/entenancy/tenancy/internal/integration/isolation/ent/visit"
)

func deleteOperations() []*operation {
	return []*operation{
		deleteOne(user, func(c *call) error { return c.client.User.DeleteOneID(c.id(user, 0)).Exec(c.ctx) }),
		deleteOne(order, func(c *call) error { return c.client.Order.DeleteOneID(c.id(order, 0)).Exec(c.ctx) }),
		deleteOne(item, func(c *call) error { return c.client.Item.DeleteOneID(c.itemID(0)).Exec(c.ctx) }),
		deleteOne(profile, func(c *call) error { return c.client.Profile.DeleteOneID(c.id(profile, 0)).Exec(c.ctx) }),
		deleteOne(group, func(c *call) error { return c.client.Group.DeleteOneID(c.id(group, 0)).Exec(c.ctx) }),
		deleteOne(team, func(c *call) error { return c.client.Team.DeleteOneID(c.id(team, 0)).Exec(c.ctx) }),
		deleteOne(club, func(c *call) error { return c.client.Club.DeleteOneID(c.id(club, 0)).Exec(c.ctx) }),
		deleteOne(memo, func(c *call) error { return c.client.Memo.DeleteOneID(c.id(memo, 0)).Exec(c.ctx) }),
		{name: "delete items by price", run: func(c *call) (string, error) {
			return counted(c.client.Item.Delete().Where(entitem.PriceGT(2 + c.n(0, 3))).Exec(c.ctx))
		}, want: func(v *view) string {
			return v.removeAll("items", func(r row) bool { return r.integer("price") > 2+v.n(0, 3) })
		}},
		{name: "delete users without orders", run: func(c *call) (string, error) {
			return counted(c.client.User.Delete().Where(entuser.Age(c.n(0, 5)), entuser.Not(entuser.HasOrders())).Exec(c.ctx))
		}, want: func(v *view) string {
			return v.removeAll("users", func(r row) bool {
				return r.integer("age") == v.n(0, 5) && len(v.keys("orders", func(o row) bool { return v.at("users", o["owner_id"])["text"] == r["text"] })) == 0
			})
		}},
		{name: "delete memberships of user", run: func(c *call) (string, error) {
			return counted(c.client.Membership.Delete().Where(entmembership.UserID(c.id(user, 0))).Exec(c.ctx))
		}, want: func(v *view) string { return v.removeAll("memberships", where("user_id", v.key(user, 0))) }},
		{name: "delete visits of young users", run: func(c *call) (string, error) {
			return counted(c.client.Visit.Delete().Where(entvisit.HasGuestWith(entuser.AgeLT(c.n(0, 4)))).Exec(c.ctx))
		}, want: func(v *view) string {
			return v.removeAll("visits", func(r row) bool { return v.at("users", r["guest_id"]).integer("age") < v.n(0, 4) })
		}},
	}
}

func deleteOne(k kind, exec func(*call) error) *operation {
	return &operation{
		name: "delete " + string(k),
		run:  func(c *call) (string, error) { return done(exec(c)) },
		want: func(v *view) string {
			key := v.key(k, 0)
			if v.tables[k.table()][key] == nil {
				return notFound
			}
			return v.remove(k.table(), key)
		},
	}
}

// removeAll deletes the rows that match and returns how many they are.
func (v *view) removeAll(table string, match func(row) bool) string {
	keys := v.keys(table, match)
	if answer := v.remove(table, keys...); answer != ok {
		return answer
	}
	return fmt.Sprint(len(keys))
}
