package postgres_test

import (
	"context"
	"testing"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/club"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/group"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/item"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/order"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/team"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/user"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/visit"
)

// globals are rows that belong to nobody.
func globals(ctx context.Context, tb testing.TB, c *ent.Client) (*ent.Country, *ent.Label, *ent.Account) {
	tb.Helper()
	country, err := c.Country.Create().SetCode("ch").Save(ctx)
	must(tb, err)
	label, err := c.Label.Create().SetName("urgent").Save(ctx)
	must(tb, err)
	account, err := c.Account.Create().SetLogin("ann").Save(ctx)
	must(tb, err)
	return country, label, account
}

// TestEntServesEveryEdge makes, links, changes, upserts and deletes rows of
// every entity, as two tenants with the same data.
func TestEntServesEveryEdge(t *testing.T) {
	t.Parallel()
	g := newGuarded(t, isolationApp)
	c, all := client(t, g.app), client(t, g.system)
	country, label, account := globals(system(t), t, all)
	for _, id := range []string{"a", "A"} {
		ctx := asTenant(t, tenancy.ID(id))
		ann, err := c.User.Create().SetName("ann").SetEmail("ann@example.com").SetTags([]string{"x"}).AddAccounts(account).Save(ctx)
		must(t, err)
		bob, err := c.User.Create().SetName("bob").SetSpouse(ann).AddFriends(ann).AddFollowing(ann).SetManager(ann).Save(ctx)
		must(t, err)
		groups, err := c.Group.CreateBulk(c.Group.Create().SetName("g").AddUsers(ann, bob), c.Group.Create().SetName("h").AddUsers(ann)).Save(ctx)
		must(t, err)
		first, err := c.Order.Create().SetNumber("1").SetOwner(ann).SetCountry(country).AddLabels(label).Save(ctx)
		must(t, err)
		must(t, c.Item.CreateBulk(c.Item.Create().SetSku("s").SetOrder(first), c.Item.Create().SetSku("t").SetOrder(first)).Exec(ctx))
		must(t, c.Profile.Create().SetBio("b").SetUser(ann).Exec(ctx))
		must(t, c.Memo.Create().SetText("m").SetAccount(account).Exec(ctx))
		crew, err := c.Team.Create().SetName("t").AddUsers(ann).Save(ctx)
		must(t, err)
		must(t, c.Membership.Create().SetUser(bob).SetTeam(crew).Exec(ctx))
		house, err := c.Club.Create().SetName("c").AddGuests(ann).Save(ctx)
		must(t, err)
		must(t, c.Visit.Create().SetGuest(bob).SetClub(house).Exec(ctx))

		must(t, bob.Update().AddGroups(groups[1]).RemoveGroups(groups[0]).SetAge(7).Exec(ctx))
		must(t, c.User.UpdateOne(ann).ClearGroups().AddGroups(groups[0]).Exec(ctx))
		must(t, c.Visit.Update().Where(visit.GuestID(bob.ID)).SetRemark("r").Exec(ctx))
		for range 2 {
			must(t, c.Order.Create().SetNumber("2").SetOwner(ann).OnConflictColumns(order.FieldTenantID, order.FieldNumber).UpdateNewValues().Exec(ctx))
		}
		must(t, c.Order.CreateBulk(c.Order.Create().SetNumber("2"), c.Order.Create().SetNumber("3")).
			OnConflictColumns(order.FieldTenantID, order.FieldNumber).Ignore().Exec(ctx))

		for what, count := range map[string]func(context.Context) (int, error){
			"orders":      c.Order.Query().Where(order.NumberIn("1", "2", "3")).Count,
			"items":       c.Item.Query().Where(item.HasOrderWith(order.HasOwnerWith(user.Name("ann")))).Count,
			"groups":      c.Group.Query().Where(group.HasUsers()).Count,
			"teams":       c.Team.Query().Where(team.HasUsersWith(user.Name("bob"))).Count,
			"clubs":       c.Club.Query().Where(club.HasGuestsWith(user.Name("bob"))).Count,
			"friends":     c.User.QueryFriends(ann).Count,
			"followers":   c.User.QueryFollowers(ann).Count,
			"reports":     c.User.QueryReports(ann).Count,
			"accounts":    c.User.QueryAccounts(ann).Count,
			"labels":      c.Order.QueryLabels(first).Count,
			"memberships": c.Membership.Query().Count,
			"visits":      c.Visit.Query().Count,
			"memos":       c.Memo.Query().Count,
			"profiles":    c.Profile.Query().Count,
		} {
			want := map[string]int{"orders": 3, "items": 2, "groups": 2, "memberships": 2, "visits": 2}[what]
			if n, err := count(ctx); err != nil || n != max(want, 1) {
				t.Errorf("tenant %s has %d %s, %v; want %d", id, n, what, err, max(want, 1))
			}
		}
	}
	a := asTenant(t, "a")
	_, err := c.User.Delete().Where(user.Name("ann")).Exec(a)
	wantCode(t, err, "23503") // her membership and visit are kept
	_, err = c.Membership.Delete().Exec(a)
	must(t, err)
	_, err = c.Visit.Delete().Exec(a)
	must(t, err)
	_, err = c.User.Delete().Where(user.Name("ann")).Exec(a)
	must(t, err)
	for ctx, want := range map[context.Context]int{a: 1, asTenant(t, "A"): 2} { // her spouse and their reference to her
		if n, err := c.User.Query().Count(ctx); err != nil || n != want {
			t.Errorf("%d users, %v; want %d", n, err, want)
		}
	}
	if n, err := all.User.Query().Count(system(t)); err != nil || n != 3 {
		t.Errorf("the system role sees %d users, %v; want 3", n, err)
	}
	if n, err := c.User.Query().Count(system(t)); err != nil || n != 0 {
		t.Errorf("a System scope on the application's role sees %d users, %v; want none", n, err)
	}
}
