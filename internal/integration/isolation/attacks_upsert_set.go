package isolation

import (
	"entgo.io/ent/dialect/sql"

	"github.com/entenancy/tenancy/internal/integration/isolation/ent"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/order"
)

// assignment is what an upsert of A's own order may try to set.
type assignment struct {
	name string
	set  func(*World, *sql.UpdateSet)
}

func assignments() []assignment {
	return []assignment{
		{"tenant", func(w *World, u *sql.UpdateSet) { u.Set("tenant_id", string(w.B.ID)) }},
		{"tenant twice", func(w *World, u *sql.UpdateSet) { u.Set("tenant_id", string(w.A.ID)).Set("TENANT_ID", string(w.B.ID)) }},
		{"tenant in capitals", func(w *World, u *sql.UpdateSet) { u.Set("TENANT_ID", string(w.B.ID)) }},
		{"tenant twice, quoted", func(w *World, u *sql.UpdateSet) {
			u.Set("tenant_id", string(w.A.ID)).Set(quoted(u.Dialect(), "tenant_id"), string(w.B.ID))
		}},
		{"tenant quoted, with a line break", func(w *World, u *sql.UpdateSet) { u.Set(quoted(u.Dialect(), "tenant_id")+"\n", string(w.B.ID)) }},
		{"tenant by expression", func(w *World, u *sql.UpdateSet) { u.Set("tenant_id", sql.Expr("'"+string(w.B.ID)+"'")) }},
		{"owner", func(w *World, u *sql.UpdateSet) { u.Set("owner_id", w.B.Ann) }},
		{"owner in capitals", func(w *World, u *sql.UpdateSet) { u.Set("OWNER_ID", w.B.Ann) }},
		{"owner quoted", func(w *World, u *sql.UpdateSet) { u.Set(quoted(u.Dialect(), "owner_id"), w.B.Ann) }},
		{"owner quoted, with a line break", func(w *World, u *sql.UpdateSet) { u.Set(quoted(u.Dialect(), "owner_id")+"\n", w.B.Ann) }},
		{"a key whose edge is at the other end", func(w *World, u *sql.UpdateSet) { u.Set("user_watched", w.B.Ann) }},
		{"owner after the value offered", func(w *World, u *sql.UpdateSet) { u.SetExcluded("owner_id").Set("OWNER_ID", w.B.Ann) }},
		{"owner by addition", func(w *World, u *sql.UpdateSet) { u.Add("owner_id", w.B.Ann-w.A.Ann) }},
		{"owner by expression", func(w *World, u *sql.UpdateSet) {
			u.Set("owner_id", sql.ExprFunc(func(b *sql.Builder) { b.Arg(w.B.Ann) }))
		}},
		{"owner by an expression that begins with NULL", func(w *World, u *sql.UpdateSet) {
			u.Set("owner_id", sql.ExprFunc(func(b *sql.Builder) { b.WriteString("NULLIF(").Arg(w.B.Ann).WriteString(", 0)") }))
		}},
		{"owner by an expression that begins with the value offered", func(w *World, u *sql.UpdateSet) {
			u.SetExcluded("owner_id")
			u.Set("owner_id", sql.ExprFunc(func(b *sql.Builder) {
				if b.Dialect() == "mysql" {
					b.WriteString("VALUES(`owner_id`) + ").Arg(w.B.Ann - w.A.Ann)
					return
				}
				b.Ident("excluded").WriteByte('.').Ident("owner_id").WriteString(" + ").Arg(w.B.Ann - w.A.Ann)
			}))
		}},
	}
}

// upsertSetAttacks upsert A's own order and move or link it by the way.
func upsertSetAttacks() []Attack {
	var attacks []Attack
	for _, s := range assignments() {
		attacks = append(attacks, Attack{Name: "upsert that sets " + s.name, Row: "W22b", Run: func(a *Act) {
			create := func() *ent.OrderCreate {
				return a.Client.Order.Create().SetNumber(a.A.text("n0")).SetOwnerID(a.A.Ann)
			}
			options := []sql.ConflictOption{sql.ConflictColumns("tenant_id", "number"), sql.ResolveWith(func(u *sql.UpdateSet) { s.set(a.World, u) })}
			a.Step(func() { a.Saw(nil, create().OnConflict(options...).Exec(a.A.Ctx)) })
			a.Step(func() { a.Saw(nil, a.Client.Order.CreateBulk(create()).OnConflict(options...).Exec(a.A.Ctx)) })
		}})
	}
	return append(attacks, Attack{Name: "upsert that sets a typed owner", Row: "W22b", Run: func(a *Act) {
		upsert := func() *ent.OrderUpsertOne {
			return a.Client.Order.Create().SetNumber(a.A.text("n0")).OnConflictColumns(order.FieldTenantID, order.FieldNumber)
		}
		a.CrossTenant(upsert().Update(func(u *ent.OrderUpsert) { u.SetOwnerID(a.B.Ann) }).Exec(a.A.Ctx))
		a.CrossTenant(upsert().SetOwnerID(a.B.Ann).Exec(a.A.Ctx))
		a.CrossTenant(a.Client.Order.Create().SetNumber(a.A.text("n0")).SetOwnerID(a.B.Ann).OnConflictColumns("tenant_id", "number").UpdateNewValues().Exec(a.A.Ctx))
		a.CrossTenant(a.Client.Membership.Create().SetUserID(a.A.Ann).SetTeamID(a.A.Team).OnConflictColumns("user_id", "team_id").
			Update(func(u *ent.MembershipUpsert) { u.SetTeamID(a.B.Team) }).Exec(a.A.Ctx))
		a.CrossTenant(a.Client.Visit.Create().SetGuestID(a.A.Ann).SetClubID(a.A.Club).OnConflictColumns("guest_id", "club_id").
			Update(func(u *ent.VisitUpsert) { u.SetClubID(a.B.Club) }).Exec(a.A.Ctx))
	}}, Attack{Name: "upsert of a global linked to B", Row: "W31/33", Run: func(a *Act) {
		a.Step(func() {
			a.Saw(nil, a.Client.Account.Create().SetLogin("three").OnConflict(sql.ConflictColumns("login"), sql.ResolveWith(func(u *sql.UpdateSet) {
				u.Set("account_favorite", a.B.Memo)
			})).Exec(a.A.Ctx))
		})
		a.CrossTenant(a.Client.Account.Create().SetLogin("three").SetFavoriteID(a.B.Memo).OnConflictColumns("login").UpdateNewValues().Exec(a.A.Ctx))
	}})
}
