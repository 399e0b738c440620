package isolation

import (
	"errors"

	"entgo.io/ent/dialect/sql"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/account"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/badge"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/country"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/memo"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/user"
)

// globalAttacks go over rows that belong to nobody.
func globalAttacks() []Attack {
	accounts := []string{"accounts", "devices"}
	return []Attack{
		{Name: "write read-only globals", Row: "W31/33", Run: func(a *Act) {
			for _, writes := range []map[string]executor{a.globalWrites(), a.writesByAccounts()} {
				for name, e := range writes {
					a.Within(name, func() { a.Refused(e.Exec(a.A.Ctx), tenancy.ErrGlobalWrite) })
				}
			}
			_, err := a.Client.Country.Delete().Exec(a.A.Ctx)
			a.Refused(err, tenancy.ErrGlobalWrite)
			_, err = a.Client.Label.Delete().Exec(a.A.Ctx)
			a.Refused(err, tenancy.ErrGlobalWrite)
		}},
		{Name: "write read-only globals as the System", Run: func(a *Act) {
			n, err := a.Client.Country.Query().Where(country.Code("one")).Count(a.A.Ctx)
			a.Counts(n, err, 1)
			n, err = a.Client.Country.Query().Count(a.Nobody)
			a.Counts(n, err, 2)
		}},
		{Name: "own links to writable globals", Touches: accounts, Run: func(a *Act) {
			c, s, ctx := a.Client, a.A, a.A.Ctx
			a.Fine(c.Account.UpdateOneID(a.AccountIdle).SetLogin("x").AddUserIDs(s.Ann, s.Bob).Exec(ctx))
			a.Fine(c.Account.UpdateOneID(a.AccountIdle).RemoveUserIDs(s.Bob).AddMemoIDs(s.MemoIdle).SetFavoriteID(s.Memo).Exec(ctx))
			a.Fine(c.Account.UpdateOneID(a.AccountIdle).RemoveMemoIDs(s.MemoIdle).ClearFavorite().Exec(ctx))
			a.Fine(c.Account.UpdateOneID(a.Account).RemoveUserIDs(s.Ann).RemoveMemoIDs(s.Memo).Exec(ctx))
			a.Fine(c.User.UpdateOneID(s.Idle).AddAccountIDs(a.Account).Exec(ctx))
			a.Fine(c.Memo.UpdateOneID(s.Memo).SetAccountID(a.Account2).Exec(ctx))
			a.Fine(c.Account.Create().SetLogin("new").AddUserIDs(s.Ann).AddMemoIDs(s.MemoIdle).Exec(ctx))
			n, err := c.Account.Query().Where(account.ID(a.AccountIdle)).QueryUsers().Count(ctx)
			a.Counts(n, err, 1)
		}},
		{Name: "B's links to writable globals", Row: "W31/33", Touches: accounts, Run: func(a *Act) {
			c, b, ctx := a.Client, a.B, a.A.Ctx
			a.CrossTenant(c.Account.UpdateOneID(a.Account).AddUserIDs(b.Bob).Exec(ctx))
			a.CrossTenant(c.Account.UpdateOneID(a.Account).RemoveUserIDs(b.Ann).Exec(ctx))
			a.CrossTenant(c.Account.UpdateOneID(a.Account).RemoveUserIDs(a.A.Ann, b.Ann).Exec(ctx))
			a.CrossTenant(c.Account.UpdateOneID(a.Account).AddMemoIDs(b.MemoIdle).Exec(ctx))
			a.CrossTenant(c.Account.UpdateOneID(a.Account).RemoveMemoIDs(b.Memo).Exec(ctx))
			a.CrossTenant(c.Account.UpdateOneID(a.Account).SetFavoriteID(b.MemoIdle).Exec(ctx))
			a.CrossTenant(c.Account.Update().SetFavoriteID(b.MemoIdle).Exec(ctx))
			a.CrossTenant(c.Account.Update().AddUserIDs(b.Ann).Exec(ctx))
			a.NotFound(c.User.UpdateOneID(b.Ann).AddAccountIDs(a.AccountIdle).Exec(ctx))
		}},
		{Name: "read globals with keys to tenants", Row: "R29", Run: func(a *Act) {
			ctx := a.A.Ctx
			ids, err := a.Client.Badge.Query().Where(badge.HasBearer()).IDs(ctx)
			a.Sees(ids, err, a.Badge)
			ids, err = a.Client.Badge.Query().Where(badge.HasBearerWith(user.NameContains(a.B.Mark))).IDs(ctx)
			a.Sees(ids, err)
			users, err := a.Client.Badge.Query().QueryBearer().IDs(ctx)
			a.Sees(users, err, a.A.Ann)
			badges, err := a.Client.Badge.Query().WithBearer().All(ctx)
			a.Counts(len(badges), err, 3)
			for _, b := range badges {
				if b.ID == a.BadgeOfB && b.Edges.Bearer != nil {
					a.leakf("B's badge is %v's", b.Edges.Bearer)
				}
			}
			ids, err = a.Client.User.Query().QueryBadges().IDs(ctx)
			a.Sees(ids, err, a.Badge)
			users, err = a.Client.User.Query().Where(user.HasBadgesWith(badge.NameIn("one", "two"))).IDs(ctx)
			a.Sees(users, err, a.A.Ann)
		}},
		{Name: "clear writable globals", Row: "W32", Run: func(a *Act) {
			a.CrossTenant(a.Client.Account.UpdateOneID(a.Account).ClearUsers().Exec(a.A.Ctx))
			a.CrossTenant(a.Client.Account.UpdateOneID(a.Account).ClearMemos().Exec(a.A.Ctx))
			a.CrossTenant(a.Client.Account.Update().ClearUsers().Exec(a.A.Ctx))
			a.CrossTenant(a.Client.Account.Update().Where(account.Login("one")).ClearMemos().Exec(a.A.Ctx))
		}},
		{Name: "delete writable globals", Row: "W25", Touches: accounts, Run: func(a *Act) {
			a.deletesTwo(func() (int, error) { return a.Client.Account.Delete().Exec(a.A.Ctx) })
			a.Hangs(func() error { return a.Client.Account.DeleteOneID(a.Account).Exec(a.A.Ctx) }, a.NotFound)
		}},
		{Name: "delete writable globals with what is read-only", Touches: accounts, Run: func(a *Act) {
			for _, id := range []int{a.AccountTitled, a.AccountAbroad} {
				a.Hangs(func() error { return a.Client.Account.DeleteOneID(id).Exec(a.A.Ctx) }, a.NotFound)
			}
			a.Hangs(func() error {
				n, err := a.Client.Account.Delete().Where(account.IDIn(a.AccountTitled, a.AccountAbroad)).Exec(a.A.Ctx)
				a.Nothing(n, nil)
				return err
			}, a.Fine)
			a.Refused(a.Client.Account.DeleteOneID(a.AccountTitled).Exec(a.Nobody))
		}},
		{Name: "delete what takes globals along", Row: "W25", Touches: accounts, Run: func(a *Act) {
			c, ctx := a.Client, a.A.Ctx
			for name, e := range map[string]executor{
				"account with devices": c.Account.DeleteOneID(a.AccountLent),
				"account with memos":   c.Account.DeleteOneID(a.AccountNoted),
				"memo with devices":    c.Memo.DeleteOneID(a.A.MemoLent),
				"memo with notes":      c.Memo.DeleteOneID(a.A.MemoNoted),
			} {
				a.Within(name, func() { a.Hangs(func() error { return e.Exec(ctx) }, a.NotFound) })
			}
			a.Step(func() { a.Fine(c.Memo.DeleteOneID(a.A.MemoIdle).Exec(ctx)) })
		}},
		{Name: "delete writable globals where raw a OR b", Row: "W02b/c", Touches: accounts, Run: func(a *Act) {
			a.deletesTwo(func() (int, error) {
				return a.Client.Account.Delete().Where(func(s *sql.Selector) { s.Where(sql.ExprP("1 = 1 OR 1 = 1")) }).Exec(a.A.Ctx)
			})
		}},
		{Name: "delete globals by what hangs on them", Row: "R29", Touches: accounts, Run: func(a *Act) {
			n, err := a.Client.Account.Delete().Where(account.HasMemosWith(memo.TextContains(a.B.Mark))).Exec(a.A.Ctx)
			a.Nothing(n, err)
			n, err = a.Client.Account.Update().Where(account.HasMemosWith(memo.TextContains(a.B.Mark))).SetLogin("x").Save(a.A.Ctx)
			a.Nothing(n, err)
			n, err = a.Client.Account.Update().Where(account.HasMemosWith(memo.Text(a.A.text("memo0")))).SetLogin("x").Save(a.A.Ctx)
			a.Counts(n, err, 1)
		}},
	}
}

// deletesTwo deletes all rows on which none of B's hangs, which are two. Where A does
// not see B's rows, the database has to refuse it all, or where they are elsewhere may
// know nothing of them.
func (a *Act) deletesTwo(run func() (int, error)) {
	a.Step(func() {
		n, err := run()
		switch {
		case a.Separate && !errors.Is(err, tenancy.ErrCrossTenant):
			a.Fine(err)
		case a.Hidden:
			a.Refused(err)
		default:
			a.Counts(n, err, 2)
		}
	})
}

// globalWrites returns writes of read-only global rows.
func (a *Act) globalWrites() map[string]executor {
	c := a.Client
	return map[string]executor{
		"create":        c.Country.Create().SetCode("x"),
		"create, bulk":  c.Country.CreateBulk(c.Country.Create().SetCode("x"), c.Country.Create().SetCode("y")),
		"create linked": c.Country.Create().SetCode("x").AddOrderIDs(a.A.Order2),
		"upsert":        c.Country.Create().SetCode("one").OnConflictColumns("code").UpdateNewValues(),
		"upsert bulk":   c.Country.CreateBulk(c.Country.Create().SetCode("one")).OnConflictColumns("code").Ignore(),
		"update":        c.Country.UpdateOneID(a.Country).SetCode("x"),
		"update all":    c.Country.Update().SetCode("x"),
		"update empty":  c.Country.UpdateOneID(a.Country),
		"add orders":    c.Country.UpdateOneID(a.Country).AddOrderIDs(a.A.Order2),
		"add B's":       c.Country.UpdateOneID(a.Country).AddOrderIDs(a.B.Order2),
		"clear orders":  c.Country.UpdateOneID(a.Country).ClearOrders(),
		"remove orders": c.Country.UpdateOneID(a.Country).RemoveOrderIDs(a.A.Order),
		"delete":        c.Country.DeleteOneID(a.CountryIdle),
		"badge":         c.Badge.UpdateOneID(a.Badge).SetBearerID(a.A.Bob),
		"badge of B":    c.Badge.UpdateOneID(a.BadgeOfB).ClearBearer(),
		"bearer":        c.User.UpdateOneID(a.A.Ann).AddBadgeIDs(a.BadgeIdle),
		"bearer, bulk":  c.User.Update().Where(user.ID(a.A.Ann)).AddBadgeIDs(a.BadgeIdle),
		"new bearer":    c.User.Create().SetName("x").AddBadgeIDs(a.BadgeIdle),
		"new bearers":   c.User.CreateBulk(c.User.Create().SetName("x").AddBadgeIDs(a.BadgeIdle)),
		"remove badge":  c.User.UpdateOneID(a.A.Ann).RemoveBadgeIDs(a.Badge),
		"clear badges":  c.User.UpdateOneID(a.A.Ann).ClearBadges(),
		"label":         c.Label.Create().SetName("x"),
		"label orders":  c.Label.UpdateOneID(a.Label).AddOrderIDs(a.A.Order2),
		"label clear":   c.Label.UpdateOneID(a.Label).ClearOrders(),
		"label update":  c.Label.Update().SetName("x"),
	}
}

// writesByAccounts returns writes of read-only global rows by accounts, which A may write.
func (a *Act) writesByAccounts() map[string]executor {
	c := a.Client
	account := func() *ent.AccountUpdateOne { return c.Account.UpdateOneID(a.AccountIdle) }
	titled := func() *ent.AccountUpdateOne { return c.Account.UpdateOneID(a.AccountTitled) }
	abroad := func() *ent.AccountUpdateOne { return c.Account.UpdateOneID(a.AccountAbroad) }
	made := func() *ent.AccountCreate { return c.Account.Create().SetLogin("x") }
	return map[string]executor{
		"grant":             c.Grant.Create().SetAccountID(a.AccountIdle).SetLabelID(a.Label),
		"add grant":         account().AddGrantIDs(a.Grant),
		"add title":         account().AddTitleIDs(a.Label),
		"add title, all":    c.Account.Update().AddTitleIDs(a.LabelIdle),
		"add title, new":    made().AddTitleIDs(a.Label),
		"add title, bulk":   c.Account.CreateBulk(made().AddTitleIDs(a.Label)),
		"add title, upsert": c.Account.Create().SetLogin("three").AddTitleIDs(a.Label).OnConflictColumns("login").UpdateNewValues(),
		"remove title":      titled().RemoveTitleIDs(a.Label),
		"clear titles":      titled().ClearTitles(),
		"clear titles, all": c.Account.Update().ClearTitles(),
		"clear grants":      titled().ClearGrants(),
		"add country":       account().AddCountryIDs(a.Country),
		"add country, new":  made().AddCountryIDs(a.Country),
		"remove country":    abroad().RemoveCountryIDs(a.Country),
		"clear countries":   abroad().ClearCountries(),
		"add accounts":      c.Country.UpdateOneID(a.Country).AddAccountIDs(a.AccountIdle),
		"add holders":       c.Label.UpdateOneID(a.Label).AddHolderIDs(a.AccountIdle),
	}
}
