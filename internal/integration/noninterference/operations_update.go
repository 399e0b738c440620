package noninterference

import (
	"fmt"

	"github.com/entenancy/tenancy/internal/integration/isolation/ent"
	entclub "github.com/entenancy/tenancy/internal/integration/isolation/ent/club"
	entitem "github.com/entenancy/tenancy/internal/integration/isolation/ent/item"
	entmembership "github.com/entenancy/tenancy/internal/integration/isolation/ent/membership"
	entorder "github.com/entenancy/tenancy/internal/integration/isolation/ent/order"
	entteam "github.com/entenancy/tenancy/internal/integration/isolation/ent/team"
	entuser "github.com/entenancy/tenancy/internal/integration/isolation/ent/user"
	entvisit "github.com/entenancy/tenancy/internal/integration/isolation/ent/visit"
)

func updateOperations() []*operation {
	return []*operation{
		{name: "change user", run: runUpdateUser, want: wantUpdateUser, weight: 2},
		{name: "change number of order", run: func(c *call) (string, error) {
			o, err := c.client.Order.UpdateOneID(c.id(order, 0)).SetNumber(c.orderNumber(c.numbers[1])).AddTotal(1).Save(c.ctx)
			if err != nil {
				return "", err
			}
			return fmt.Sprint(o.Note, " ", o.Total), nil
		}, want: func(v *view) string {
			key := v.key(order, 0)
			total := v.tables["orders"][key].integer("total") + 1
			if answer := v.update("orders", key, row{"number": v.orderNumber(v.numbers[1]), "total": total}); answer != ok {
				return answer
			}
			return fmt.Sprint(v.textOf("orders", key), " ", total)
		}},
		{name: "change item", run: func(c *call) (string, error) {
			key := c.key(item, 0)
			return done(c.client.Item.UpdateOneID(c.itemID(0)).SetSku(c.text(key, 2)).SetOrderID(c.id(order, 1)).SetPrice(c.n(2, 5)).Exec(c.ctx))
		}, want: func(v *view) string {
			key := v.key(item, 0)
			return v.updateLinked("items", key, row{"text": v.text(key, 2), "order_items": v.key(order, 1), "price": v.n(2, 5)})
		}},
		{name: "change memo", run: func(c *call) (string, error) {
			return done(c.client.Memo.UpdateOneID(c.id(memo, 0)).SetText(c.text(c.key(memo, 0), c.n(1, 9))).Exec(c.ctx))
		}, want: func(v *view) string {
			return v.update("memos", v.key(memo, 0), row{"text": v.text(v.key(memo, 0), v.n(1, 9))})
		}},
		{name: "make users older", run: func(c *call) (string, error) {
			return counted(c.client.User.Update().Where(entuser.AgeLT(c.n(0, 5))).AddAge(1).Save(c.ctx))
		}, want: func(v *view) string {
			return v.updateAll("users", func(r row) bool { return r.integer("age") < v.n(0, 5) }, func(r row) row {
				return row{"age": r.integer("age") + 1}
			})
		}},
		{name: "change orders by owner", run: func(c *call) (string, error) {
			return counted(c.client.Order.Update().Where(entorder.HasOwnerWith(entuser.AgeGTE(c.n(0, 4)))).SetTotal(c.n(1, 9)).Save(c.ctx))
		}, want: func(v *view) string {
			return v.updateAll("orders", v.ownedFrom(v.n(0, 4)), func(row) row { return row{"total": v.n(1, 9)} })
		}},
		{name: "change orders without items", run: func(c *call) (string, error) {
			return counted(c.client.Order.Update().Where(entorder.Not(entorder.HasItems())).AddTotal(1).Save(c.ctx))
		}, want: func(v *view) string {
			linked := map[any]bool{}
			for _, r := range v.tables["items"] {
				linked[r["order_items"]] = true
			}
			empty := v.keys("orders", all)
			n := 0
			for _, key := range empty {
				if !linked[key] {
					v.update("orders", key, row{"total": v.tables["orders"][key].integer("total") + 1})
					n++
				}
			}
			return fmt.Sprint(n)
		}},
		{name: "change items by owner of order", run: func(c *call) (string, error) {
			return counted(c.client.Item.Update().Where(entitem.HasOrderWith(entorder.HasOwnerWith(entuser.AgeGTE(c.n(0, 4))))).SetPrice(c.n(1, 9)).Save(c.ctx))
		}, want: func(v *view) string {
			owned := v.ownedFrom(v.n(0, 4))
			return v.updateAll("items", func(r row) bool { return owned(v.at("orders", r["order_items"])) }, func(row) row { return row{"price": v.n(1, 9)} })
		}},
		{name: "change memberships of team", run: func(c *call) (string, error) {
			return counted(c.client.Membership.Update().Where(entmembership.HasTeamWith(entteam.ID(c.id(team, 0)))).SetRole(c.text("role", c.n(1, 5))).Save(c.ctx))
		}, want: func(v *view) string {
			return v.updateAll("memberships", where("team_id", v.key(team, 0)), func(row) row { return row{"text": v.text("role", v.n(1, 5))} })
		}},
		{name: "change visits to club", run: func(c *call) (string, error) {
			return counted(c.client.Visit.Update().Where(entvisit.HasClubWith(entclub.ID(c.id(club, 0)))).SetRemark(c.text("remark", c.n(1, 5))).Save(c.ctx))
		}, want: func(v *view) string {
			return v.updateAll("visits", where("club_id", v.key(club, 0)), func(row) row { return row{"text": v.text("remark", v.n(1, 5))} })
		}},
	}
}

func runUpdateUser(c *call) (string, error) {
	update := c.client.User.UpdateOneID(c.id(user, 0)).SetAge(c.n(1, 5))
	if email, has := c.email(c.numbers[2]).(string); has {
		update.SetEmail(email)
	} else {
		update.ClearEmail()
	}
	u, err := update.Save(c.ctx)
	return userText(u, err)
}

func userText(u *ent.User, err error) (string, error) {
	if err != nil {
		return "", err
	}
	return fmt.Sprint(u.Name, " ", u.Age), nil
}

func wantUpdateUser(v *view) string {
	key := v.key(user, 0)
	if answer := v.update("users", key, row{"age": v.n(1, 5), "email": v.email(v.numbers[2])}); answer != ok {
		return answer
	}
	return v.userText(key)
}

func (v *view) userText(key string) string {
	return fmt.Sprint(v.textOf("users", key), " ", v.tables["users"][key].integer("age"))
}

// updateLinked is update where ent checks the linked rows before it looks for the row.
func (v *view) updateLinked(table, key string, changes row) string {
	if !v.linksExist(table, changes) {
		return refused
	}
	return v.update(table, key, changes)
}

// updateAll changes the rows that match and returns how many they are.
func (v *view) updateAll(table string, match func(row) bool, change func(row) row) string {
	keys := v.keys(table, match)
	for _, key := range keys {
		if answer := v.update(table, key, change(v.tables[table][key])); answer != ok {
			return answer
		}
	}
	return fmt.Sprint(len(keys))
}

// at returns the row that a foreign key names, nil if it names none.
func (v *view) at(table string, key any) row {
	k, _ := key.(string)
	return v.tables[table][k]
}

// ownedFrom matches orders whose owner has at least an age.
func (v *view) ownedFrom(age int) func(row) bool {
	return func(r row) bool {
		owner := v.at("users", r["owner_id"])
		return owner != nil && owner.integer("age") >= age
	}
}
