package isolation

import (
	"entgo.io/ent/dialect/sql"
	"entgo.io/ent/dialect/sql/sqljson"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/order"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/predicate"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/user"
)

// updateAttacks update B's rows, or move A's.
func updateAttacks() []Attack {
	return []Attack{
		{Name: "update all", Row: "W02", Run: func(a *Act) {
			n, err := a.Client.Order.Update().SetNote("mine").Save(a.A.Ctx)
			a.Counts(n, err, 5)
			n, err = a.Client.User.Update().SetAge(1).SetName("mine").SetTags([]string{"x"}).ClearEmail().Save(a.A.Ctx)
			a.Counts(n, err, 5)
			n, err = a.Client.Visit.Update().SetRemark("mine").Save(a.A.Ctx)
			a.Counts(n, err, 2)
		}},
		{Name: "update one of B", Row: "W01", Run: func(a *Act) {
			for name, u := range a.updatesOf(a.B) {
				a.Within(name, func() { a.Refused(u.Exec(a.A.Ctx)) })
			}
		}},
		{Name: "update one of A", Run: func(a *Act) {
			for name, u := range a.updatesOf(a.A) {
				a.Within(name, func() { a.Fine(u.Exec(a.A.Ctx)) })
			}
		}},
		{Name: "update one of B and read it", Row: "R21", Run: func(a *Act) {
			_, err := a.Client.Order.UpdateOneID(a.B.Order).Save(a.A.Ctx)
			a.NotFound(err)
			v, err := a.Client.Order.UpdateOneID(a.B.Order).Select(order.FieldNote).Save(a.A.Ctx)
			a.Saw(v, err)
			a.NotFound(err)
			u, err := a.Client.User.UpdateOneID(a.B.Ann).Where(user.AgeGT(0)).Select(user.FieldName, user.FieldEmail).Save(a.A.Ctx)
			a.Saw(u, err)
			a.NotFound(err)
			m, err := a.Client.Memo.UpdateOneID(a.B.Memo).Save(a.A.Ctx)
			a.Saw(m, err)
			a.NotFound(err)
			visit, err := a.Client.Visit.UpdateOne(&ent.Visit{GuestID: a.B.Ann, ClubID: a.B.Club}).Save(a.A.Ctx)
			a.Saw(visit, err)
			a.CrossTenant(err)
			own, err := a.Client.Order.UpdateOneID(a.A.Order).Select(order.FieldNote).Save(a.A.Ctx)
			a.Got(own, err)
		}},
		{Name: "update one of B where its texts are no numbers", Row: "W02", Run: func(a *Act) {
			// MariaDB's error about a text that it cannot convert repeats the text.
			tag := func(s *sql.Selector) { s.Where(sqljson.ValueGT(user.FieldTags, 5, sqljson.Path("[0]"))) }
			number := func(s *sql.Selector) { s.Where(sql.EQ(s.C(order.FieldNumber), 7)) }
			for _, one := range []predicate.User{user.ID(a.B.Ann), user.IDIn(a.B.Ann, a.B.Bob), user.And(user.Not(user.IDNEQ(a.B.Ann)), user.AgeGT(0))} {
				a.Step(func() { a.Nothing(a.Client.User.Update().Where(one, tag).SetAge(1).Save(a.A.Ctx)) })
				a.Step(func() { a.Nothing(a.Client.User.Update().Where(tag, one).SetAge(1).Save(a.A.Ctx)) })
				a.Step(func() { a.Nothing(a.Client.User.Delete().Where(tag, one).Exec(a.A.Ctx)) })
			}
			a.Step(func() { a.Refused(a.Client.User.UpdateOneID(a.B.Ann).Where(tag).SetAge(1).Exec(a.A.Ctx)) })
			a.Step(func() { a.Refused(a.Client.Order.UpdateOneID(a.B.Order).Where(number).SetNote("x").Exec(a.A.Ctx)) })
			a.Step(func() { a.Refused(a.Client.Order.DeleteOneID(a.B.Order).Where(number).Exec(a.A.Ctx)) })
			a.Step(func() {
				a.Nothing(a.Client.User.Update().Where(user.HasOrdersWith(order.ID(a.B.Order), number)).SetAge(1).Save(a.A.Ctx))
			})
		}},
		{Name: "give a row to B", Row: "W20", Run: func(a *Act) {
			u := a.Client.Order.UpdateOneID(a.A.OrderIdle)
			a.Saw(nil, u.Mutation().SetField(order.FieldTenantID, string(a.B.ID)))
			a.Saw(nil, u.Exec(a.A.Ctx))
			bulk := a.Client.Memo.Update().SetText("x")
			a.Saw(nil, bulk.Mutation().SetField("tenant_id", string(a.B.ID)))
			a.Saw(nil, bulk.Exec(a.A.Ctx))
		}},
	}
}

// updatesOf returns updates of single rows of the side that touch no other.
func (a *Act) updatesOf(s *Side) map[string]executor {
	c := a.Client
	return map[string]executor{
		"field":              c.Order.UpdateOneID(s.Order).SetNote("x"),
		"added field":        c.Order.UpdateOneID(s.Order).AddTotal(1),
		"nothing":            c.Order.UpdateOneID(s.Order),
		"with Where":         c.Order.UpdateOneID(s.Order).Where(order.TotalGT(0)),
		"by entity":          c.Order.UpdateOne(&ent.Order{ID: s.Order}).SetNote("y"),
		"user":               c.User.UpdateOneID(s.Ann).SetName("x").AppendTags([]string{"x"}),
		"user's empty":       c.User.UpdateOneID(s.Ann),
		"item":               c.Item.UpdateOneID(s.Item).SetSku("x"),
		"memo":               c.Memo.UpdateOneID(s.Memo).SetText("x"),
		"membership":         c.Membership.UpdateOneID(s.Membership).SetRole("x"),
		"composite":          c.Visit.UpdateOne(&ent.Visit{GuestID: s.Ann, ClubID: s.Club}).SetRemark("x"),
		"composite, nothing": c.Visit.UpdateOne(&ent.Visit{GuestID: s.Ann, ClubID: s.Club}),
		"modified":           c.Order.UpdateOneID(s.Order).Modify(func(u *sql.UpdateBuilder) { u.Set("note", "z") }),
		"modified, quoted": c.Order.UpdateOneID(s.Order).Modify(func(u *sql.UpdateBuilder) {
			u.Set(quoted(u.Dialect(), "note"), "z").SetNull("order_country")
		}),
		"own tenant": c.Order.UpdateOneID(s.Order2).Modify(func(u *sql.UpdateBuilder) { u.Set("tenant_id", string(a.A.ID)) }),
	}
}

// modification is what a modifier may do to an UPDATE of orders, or of users
// where it says so.
type modification struct {
	name, row string
	do        func(*World, *sql.UpdateBuilder)
	users     bool
}

func modifications() []modification {
	return []modification{
		{"set tenant", "W21", func(w *World, u *sql.UpdateBuilder) { u.Set("tenant_id", string(w.B.ID)) }, false},
		{"set tenant to an expression", "W21", func(w *World, u *sql.UpdateBuilder) {
			u.Set("tenant_id", sql.ExprFunc(func(b *sql.Builder) { b.Arg(string(w.B.ID)) }))
		}, false},
		{"set tenant in capitals", "W21", func(w *World, u *sql.UpdateBuilder) { u.Set("TENANT_ID", string(w.B.ID)) }, false},
		{"set tenant in mixed case after tenant", "W21", func(w *World, u *sql.UpdateBuilder) {
			u.Set("tenant_id", string(w.A.ID)).Set("Tenant_Id", string(w.B.ID))
		}, false},
		{"set tenant quoted", "W21", func(w *World, u *sql.UpdateBuilder) {
			u.Set(quoted(u.Dialect(), "tenant_id"), string(w.B.ID))
		}, false},
		{"set tenant qualified", "W21", func(w *World, u *sql.UpdateBuilder) {
			u.Set(sql.Dialect(u.Dialect()).Table("orders").C("tenant_id"), string(w.B.ID))
		}, false},
		{"set tenant quoted, with a line break", "", func(w *World, u *sql.UpdateBuilder) { u.Set(quoted(u.Dialect(), "tenant_id")+"\n", string(w.B.ID)) }, false},
		{"set tenant behind another column", "", func(w *World, u *sql.UpdateBuilder) {
			u.Set(quoted(u.Dialect(), "note")+"='x',"+quoted(u.Dialect(), "tenant_id"), string(w.B.ID))
		}, false},
		{"set tenant in the quotes of another dialect", "", func(w *World, u *sql.UpdateBuilder) {
			u.SetDialect("")
			u.Set(`"tenant_id"`, string(w.B.ID)).Set("`tenant_id` ", string(w.B.ID))
		}, false},
		{"add to tenant", "W21", func(_ *World, u *sql.UpdateBuilder) { u.Add("tenant_id", "x") }, false},
		{"tenant to null", "W21", func(_ *World, u *sql.UpdateBuilder) { u.SetNull("tenant_id") }, false},
		{"set owner", "", func(w *World, u *sql.UpdateBuilder) { u.Set("owner_id", w.B.Ann) }, false},
		{"set owner in capitals", "", func(w *World, u *sql.UpdateBuilder) { u.Set("OWNER_ID", w.B.Ann) }, false},
		{"set owner quoted", "", func(w *World, u *sql.UpdateBuilder) { u.Set(quoted(u.Dialect(), "owner_id"), w.B.Ann) }, false},
		{"set owner quoted, with a line break", "", func(w *World, u *sql.UpdateBuilder) { u.Set(quoted(u.Dialect(), "owner_id")+"\n", w.B.Ann) }, false},
		{"set a key whose edge is at the other end", "", func(w *World, u *sql.UpdateBuilder) { u.Set("user_watched", w.B.Ann) }, false},
		{"set owner by null and add", "", func(w *World, u *sql.UpdateBuilder) { u.Add("owner_id", w.B.Ann-w.A.Ann) }, false},
		{"where raw OR", "", func(_ *World, u *sql.UpdateBuilder) { u.Where(sql.ExprP("1 = 1 OR 1 = 1")) }, false},
		{"another statement where raw OR", "", func(_ *World, u *sql.UpdateBuilder) {
			*u = *sql.Dialect(u.Dialect()).Update("orders").Set("note", "x").Where(sql.ExprP("1 = 1 OR 1 = 1"))
		}, false},
		{"where from a select", "", func(_ *World, u *sql.UpdateBuilder) {
			u.FromSelect(sql.Select().From(sql.Table("orders")).Where(sql.ExprP("1 = 1 OR 1 = 1")))
		}, false},
		{"from a select of other rows", "", func(_ *World, u *sql.UpdateBuilder) {
			u.FromSelect(sql.Select().From(sql.Table("users")).Where(sql.NotNull("id"))).Set("name", "x")
		}, false},
		{"link items from a select of them", "", func(w *World, u *sql.UpdateBuilder) {
			u.FromSelect(sql.Select().From(sql.Table("items")).Where(sql.NotNull("id"))).Set("order_items", w.B.Order)
		}, false},
		{"set spouse", "", func(w *World, u *sql.UpdateBuilder) { u.Set("user_spouse", w.B.Idle) }, true},
		{"set manager", "", func(w *World, u *sql.UpdateBuilder) { u.Set("user_reports", w.B.Ann) }, true},
		{"set id", "", func(w *World, u *sql.UpdateBuilder) { u.Set("id", w.B.Idle) }, true},
	}
}

// quoted is the name of a column as ent writes it.
func quoted(dialect, column string) string {
	return sql.Dialect(dialect).String(func(b *sql.Builder) { b.Ident(column) })
}

// updateModifyAttacks change the UPDATE itself.
func updateModifyAttacks() []Attack {
	var attacks []Attack
	for _, m := range modifications() {
		attacks = append(attacks, Attack{Name: "Modify an update: " + m.name, Row: m.row, Run: func(a *Act) {
			a.modifyOrders(m)
		}})
	}
	return append(attacks, clearedModifyAttacks()...)
}

func (a *Act) modifyOrders(m modification) {
	do := func(u *sql.UpdateBuilder) { m.do(a.World, u) }
	run := func(name string, e executor) {
		a.Within(name, func() { a.Step(func() { a.Saw(nil, e.Exec(a.A.Ctx)) }) })
	}
	if m.users {
		run("one", a.Client.User.UpdateOneID(a.A.Idle).Modify(do))
		run("one, with fields", a.Client.User.UpdateOneID(a.A.Idle).SetName("x").Modify(do))
		run("many", a.Client.User.Update().Where(user.ID(a.A.Idle)).Modify(do))
		return
	}
	run("one", a.Client.Order.UpdateOneID(a.A.OrderIdle).Modify(do))
	run("one, with fields", a.Client.Order.UpdateOneID(a.A.OrderIdle).SetNote("x").Modify(do))
	run("one of B", a.Client.Order.UpdateOneID(a.B.OrderIdle).SetNote("x").Modify(do))
	run("many", a.Client.Order.Update().Where(order.ID(a.A.OrderIdle)).SetNote("x").Modify(do))
	run("all", a.Client.Order.Update().Modify(do))
	run("all, with join rows", a.Client.Order.Update().AddLabelIDs(a.LabelIdle).Modify(do))
	run("all, with an edge set", a.Client.Order.Update().SetOwnerID(a.A.Ann).Modify(do))
}

func clearedModifyAttacks() []Attack {
	return []Attack{
		{Name: "Modify an update that clears the same edge", Run: func(a *Act) {
			do := func(u *sql.UpdateBuilder) { u.Set("owner_id", a.B.Ann) }
			a.Step(func() { a.Saw(nil, a.Client.Order.UpdateOneID(a.A.OrderIdle).ClearOwner().Modify(do).Exec(a.A.Ctx)) })
			a.Step(func() {
				a.Saw(nil, a.Client.Order.Update().Where(order.ID(a.A.OrderIdle)).ClearOwner().Modify(do).Exec(a.A.Ctx))
			})
		}},
		{Name: "Modify an update that clears the other end", Run: func(a *Act) {
			do := func(u *sql.UpdateBuilder) { u.Set("user_reports", a.B.Ann) }
			a.Step(func() { a.Saw(nil, a.Client.User.UpdateOneID(a.A.Idle).ClearReports().Modify(do).Exec(a.A.Ctx)) })
			a.Step(func() {
				a.Saw(nil, a.Client.User.UpdateOneID(a.A.Idle).RemoveReportIDs(a.A.Bob).Modify(do).Exec(a.A.Ctx))
			})
		}},
		{Name: "Modify an update of an edge schema", Run: func(a *Act) {
			team := func(u *sql.UpdateBuilder) { u.Set("team_id", a.B.Team) }
			club := func(u *sql.UpdateBuilder) { u.Set("club_id", a.B.Club) }
			a.CrossTenant(a.Client.Membership.UpdateOneID(a.A.Membership).Modify(team).Exec(a.A.Ctx))
			a.CrossTenant(a.Client.Membership.Update().Modify(team).Exec(a.A.Ctx))
			a.CrossTenant(a.Client.Visit.Update().Modify(club).Exec(a.A.Ctx))
			// Here ent sets both keys to what they are, and the modifier's value is put right.
			a.Fine(a.Client.Visit.UpdateOne(&ent.Visit{GuestID: a.A.Ann, ClubID: a.A.Club}).Modify(club).Exec(a.A.Ctx))
		}},
		{Name: "Modify an update of globals", Row: "W31/33", Touches: []string{}, Run: func(a *Act) {
			favorite := func(u *sql.UpdateBuilder) { u.Set("account_favorite", a.B.Memo) }
			a.Step(func() { a.Saw(nil, a.Client.Account.UpdateOneID(a.AccountIdle).Modify(favorite).Exec(a.A.Ctx)) })
			a.Step(func() { a.Saw(nil, a.Client.Account.Update().Modify(favorite).Exec(a.A.Ctx)) })
			code := func(u *sql.UpdateBuilder) { u.Set("code", "x") }
			a.Refused(a.Client.Country.UpdateOneID(a.Country).Modify(code).Exec(a.A.Ctx), tenancy.ErrGlobalWrite)
		}},
		{Name: "Modify an update of globals into another table", Row: "W31/33", Run: func(a *Act) {
			into := func(u *sql.UpdateBuilder) {
				u.FromSelect(sql.Select().From(sql.Table("orders")).Where(sql.NotNull("id"))).Set("note", "x")
			}
			a.CrossTenant(a.Client.Account.Update().Modify(into).Exec(a.A.Ctx))
			a.CrossTenant(a.Client.Account.Update().Where(func(s *sql.Selector) { s.From(sql.Table("orders")) }).Modify(func(u *sql.UpdateBuilder) { u.Set("note", "x") }).Exec(a.A.Ctx))
		}},
		{Name: "update where From is another table", Run: func(a *Act) {
			other := func(s *sql.Selector) { s.From(sql.Table("groups")) }
			a.CrossTenant(a.Client.User.Update().Where(other).SetName("x").Exec(a.A.Ctx))
			// There is nothing to set, and the statement all the same refused.
			a.CrossTenant(a.Client.User.Update().Where(other).Exec(a.A.Ctx))
			a.CrossTenant(a.Client.Account.Update().Where(func(s *sql.Selector) { s.From(sql.Table("groups")) }).Exec(a.A.Ctx))
			a.CrossTenant(a.Client.User.UpdateOneID(a.A.Ann).Where(other).Exec(a.A.Ctx))
			// The ids of one table, taken for those of another, are some other tenant's rows.
			a.CrossTenant(a.Client.Order.Update().Where(func(s *sql.Selector) { s.From(sql.Table("users")) }).AddLabelIDs(a.LabelIdle).Exec(a.A.Ctx))
		}},
		{Name: "update where From is another table with B's ids", Run: intoOrders},
		{Name: "delete where From is another table", Run: func(a *Act) {
			_, err := a.Client.Item.Delete().Where(func(s *sql.Selector) { s.From(sql.Table("users")) }).Exec(a.A.Ctx)
			a.CrossTenant(err)
			_, err = a.Client.Account.Delete().Where(func(s *sql.Selector) { s.From(sql.Table("orders")) }).Exec(a.A.Ctx)
			a.CrossTenant(err)
		}},
		{Name: "read globals where From is another table", Row: "R29", Run: func(a *Act) {
			orders := func(s *sql.Selector) { s.From(sql.Table("orders").As("countries")) }
			a.Step(func() { a.Saw(a.Client.Country.Query().Where(orders).IDs(a.A.Ctx)) })
			a.Step(func() {
				n, err := a.Client.Country.Query().Where(orders).Count(a.A.Ctx)
				a.Saw(nil, err)
				a.Nothing(max(0, n-5), nil)
			})
			a.Step(func() {
				a.Saw(a.Client.Country.Query().Modify(func(s *sql.Selector) { orders(s); s.Select("note") }).Strings(a.A.Ctx))
			})
			a.Step(func() {
				q := a.Client.Country.Query()
				q.Modify(orders)
				n, err := q.Count(a.A.Ctx)
				a.Nothing(max(0, n-5), err)
			})
		}},
	}
}

// intoOrders has ent take the ids of A's users for those of orders.
func intoOrders(a *Act) {
	a.collidingIDs()
	users := func(s *sql.Selector) { s.From(sql.Table("users")) }
	a.Step(func() { a.Saw(nil, a.Client.Order.Update().Where(users).AddLabelIDs(a.LabelIdle).Exec(a.A.Ctx)) })
	a.Step(func() { a.Saw(nil, a.Client.Order.Update().Where(users).ClearLabels().Exec(a.A.Ctx)) })
	a.Step(func() { a.Saw(nil, a.Client.Order.Update().Where(users).ClearItems().Exec(a.A.Ctx)) })
}
