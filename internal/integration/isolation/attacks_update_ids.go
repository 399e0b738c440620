package isolation

import (
	"context"
	"fmt"

	"entgo.io/ent/dialect/sql"

	"github.com/entenancy/tenancy/internal/integration/isolation/ent"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/order"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/user"
)

// updateIDAttacks have ent take ids of B's rows for those of the rows that a
// predicate finds: it looks for them in a statement of its own, whose selector the
// predicate is handed, before it changes their edges.
func updateIDAttacks() []Attack {
	totals := func(s *sql.Selector) { s.Select(s.C(order.FieldTotal)) }
	ages := func(s *sql.Selector) { s.Select(s.C(user.FieldAge)) }
	more := func(id int) func(*sql.Selector) {
		return func(s *sql.Selector) {
			d := sql.Dialect(s.Dialect())
			s.UnionAll(d.Select("id").From(d.Table(order.Table)).Where(sql.EQ("id", id)))
		}
	}
	return []Attack{
		{Name: "update many whose ids are selected from numbers", Run: func(a *Act) {
			orders := func() *ent.OrderUpdate { return a.Client.Order.Update().Where(order.ID(a.A.OrderIdle), totals) }
			a.Fine(a.Client.Order.UpdateOneID(a.A.OrderIdle).SetTotal(a.B.Order).Exec(a.A.Ctx))
			a.reachesOne(orders().SetNote("x").AddLabelIDs(a.LabelIdle))
			a.reachesOne(orders().ClearLabels().ClearItems())
			a.Fine(a.Client.User.UpdateOneID(a.A.Idle).SetAge(a.B.Ann).Exec(a.A.Ctx))
			a.reachesOne(a.Client.User.Update().Where(user.ID(a.A.Idle), ages).ClearGroups().ClearOrders())
		}},
		{Name: "update many whose ids are those of a UNION", Run: func(a *Act) {
			orders := func() *ent.OrderUpdate {
				return a.Client.Order.Update().Where(order.ID(a.A.OrderIdle), more(a.B.Order))
			}
			a.Step(func() { a.Refused(orders().SetNote("x").AddLabelIDs(a.LabelIdle).Exec(a.A.Ctx)) })
			a.Step(func() { a.Refused(orders().ClearLabels().ClearItems().Exec(a.A.Ctx)) })
			a.reachesOne(orders().SetNote("x")) // with no edges there is no statement for the UNION
		}},
		{Name: "update more than what a predicate chooses", Run: func(a *Act) {
			for name, choose := range choices() {
				a.Within(name, func() {
					a.Step(func() { a.Refused(a.Client.User.Update().Where(choose).AddGroupIDs(a.A.Group).Exec(a.A.Ctx)) })
					a.Step(func() { a.Refused(a.Client.User.Update().Where(choose).SetAge(5).ClearOrders().Exec(a.A.Ctx)) })
				})
			}
			idle := func(s *sql.Selector) {
				s.Where(sql.EQ(s.C(user.FieldID), a.A.Idle)).OrderBy(s.C(user.FieldName)).Distinct()
			}
			a.reachesOne(a.Client.User.Update().Where(idle).ClearGroups())
		}},
		{Name: "update one of B that a UNION finds", Run: func(a *Act) {
			one := func() *ent.OrderUpdateOne {
				return a.Client.Order.UpdateOneID(a.B.Order).Where(func(s *sql.Selector) { s.Select("id") }, more(a.A.Order))
			}
			a.Step(func() { a.NotFound(one().SetNote("x").ClearLabels().Exec(a.A.Ctx)) })
			a.Step(func() { a.NotFound(one().ClearItems().Exec(a.A.Ctx)) })
		}},
		{Name: "update many by text that closes its parentheses", Run: func(a *Act) {
			// Which rows are found is for the text to say, and not which are changed.
			all := func(s *sql.Selector) { s.Where(sql.ExprP("1 = 1) OR (1 = 1")) }
			a.Step(func() {
				_, err := a.Client.Order.Update().Where(all).SetNote("x").RemoveItemIDs(a.A.ItemIdle).Save(a.A.Ctx)
				a.Saw(nil, err)
			})
		}},
		{Name: "update one of an edge schema that a predicate counts", Run: func(a *Act) {
			a.withVisitOfB(func(own *ent.Visit) {
				counted := func(s *sql.Selector) { s.Select("COUNT(*) + 1") }
				v, err := a.Client.Visit.UpdateOne(own).Where(counted).Save(a.A.Ctx)
				a.Saw(v, err)
				a.NotFound(err)
			})
		}},
	}
}

// choices are predicates that choose rows by other means than conditions.
func choices() map[string]func(*sql.Selector) {
	return map[string]func(*sql.Selector){
		"limit":  func(s *sql.Selector) { s.OrderBy(s.C(user.FieldID)).Limit(1) },
		"offset": func(s *sql.Selector) { s.OrderBy(s.C(user.FieldID)).Limit(9).Offset(2) },
		"join": func(s *sql.Selector) {
			t := sql.Table("orders")
			s.Join(t).On(s.C(user.FieldID), t.C("user_orders"))
		},
		"except": func(s *sql.Selector) {
			s.Except(sql.Dialect(s.Dialect()).Select(user.FieldID).From(sql.Table(user.Table)))
		},
		"group": func(s *sql.Selector) { s.GroupBy(s.C(user.FieldID)).Having(sql.LT(s.C(user.FieldID), 0)) },
	}
}

// reachesOne reports an update of A's that has to reach one row.
func (a *Act) reachesOne(u interface {
	Save(ctx context.Context) (int, error)
},
) {
	a.Step(func() {
		n, err := u.Save(a.A.Ctx)
		a.Counts(n, err, 1)
	})
}

// withVisitOfB runs f while B has a visit of A's guest to A's club, as data from
// before may have it, and not where the database refuses one.
func (a *Act) withVisitOfB(f func(*ent.Visit)) {
	if a.Hidden {
		return
	}
	v := &ent.Visit{GuestID: a.A.Bob, ClubID: a.A.ClubIdle}
	a.Step(func() {
		_, err := a.Client.ExecContext(a.System, fmt.Sprintf("INSERT INTO visits (tenant_id, remark, guest_id, club_id) VALUES ('%s', '%s', %d, %d)",
			a.B.ID, a.B.text("remark2"), v.GuestID, v.ClubID))
		if err != nil {
			return
		}
		f(v)
		_, err = a.Client.ExecContext(a.System, fmt.Sprintf("DELETE FROM visits WHERE guest_id = %d AND club_id = %d", v.GuestID, v.ClubID))
		a.Fine(err)
	})
}
