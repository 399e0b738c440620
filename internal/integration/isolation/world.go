package isolation

import (
	"context"
	"crypto/rand"
	"math/big"
	"strings"

	"github.com/google/uuid"

	"github.com/entenancy/tenancy"
)

// World is two tenants, as alike as two can be, and what they share.
type World struct {
	A, B *Side
	// System acts for nobody, Nobody has no tenant at all.
	System, Nobody context.Context

	// Hidden says that A's statements see nothing of B's in the database either,
	// and Separate that not even the tables are the same.
	Hidden, Separate bool

	// Global rows. Account has Ann of both tenants as users and a memo of
	// each, and B's memo as favorite; Account2 has A's favorite; nothing hangs
	// on those called idle. AccountTitled has Label by Grant, AccountAbroad is in Country.
	Country, CountryIdle, Label, LabelIdle, Account, Account2, AccountIdle int
	AccountTitled, AccountAbroad, Grant                                    int
	// DeviceWatched is AccountLent's, DeviceLent that of A's MemoLent; B's Ann watches
	// both. DeviceNoted is that of A's MemoNoted, which is AccountNoted's, and B's MemoIdle
	// is about it.
	AccountLent, AccountNoted, DeviceWatched, DeviceLent, DeviceNoted int
	// Badge is Ann's, BadgeOfB is B's Ann's.
	Badge, BadgeOfB, BadgeIdle int
	globals                    idRange
}

// Side is one tenant and its rows. Rows called idle have no links, those with
// X are linked across tenants, and on OrderC, owned by UserC, hangs an item of
// the other tenant.
type Side struct {
	ID     tenancy.ID
	Tenant tenancy.Tenant
	Ctx    context.Context
	// Mark is in all texts of the tenant's rows, Secret is the least of its numbers.
	Mark   string
	Secret int

	// Ann is Bob's spouse, friend and manager, and follows him.
	Ann, Bob, Idle, UserX, UserC int
	// Order has two items, Country and Label; it and Order2 are Ann's.
	Order, Order2, OrderIdle, OrderX, OrderC int
	Item, Item2, ItemIdle, ItemX, ItemC      uuid.UUID
	Profile, ProfileIdle, ProfileX           int
	Group, GroupIdle, GroupX                 int
	Team, TeamIdle, TeamX                    int
	Membership, MembershipX                  int
	Club, ClubIdle, ClubX                    int
	Memo, MemoIdle, MemoLent, MemoNoted      int

	ids idRange
}

// idRange is the ids of a side's rows, whatever their table.
type idRange struct{ first, next int }

func (r *idRange) take(ids ...*int) {
	for _, id := range ids {
		*id = r.next
		r.next++
	}
}

// owns reports whether the id is that of a row of the side.
func (s *Side) owns(id int) bool { return id >= s.ids.first && id < s.ids.next }

// newWorld returns the nth world of a database, with ids nobody had before.
func newWorld(ctx context.Context, n int, db *Database) *World {
	base := 1_000_000_000 + n*10_000
	name := "k" + strings.ToLower(rand.Text()[:11])
	w := &World{
		A:       newSide(ctx, db.A.Tenant, name, base+5000, 0), // the highest ids, so that new rows of A get no id of B's
		B:       newSide(ctx, db.B.Tenant, strings.ToUpper(name), base+1000, 7_000_000_000+random(1_000_000_000)),
		System:  tenancy.System(ctx, "attack suite"),
		Nobody:  ctx,
		globals: idRange{base, base},

		Hidden: db.Hides || db.separate(), Separate: db.separate(),
	}
	w.globals.take(&w.Country, &w.CountryIdle, &w.Label, &w.LabelIdle, &w.Account, &w.Account2, &w.AccountIdle)
	w.globals.take(&w.AccountTitled, &w.AccountAbroad, &w.Grant, &w.Badge, &w.BadgeOfB, &w.BadgeIdle)
	w.globals.take(&w.AccountLent, &w.AccountNoted, &w.DeviceWatched, &w.DeviceLent, &w.DeviceNoted)
	return w
}

// newSide returns a side for a tenant, with the name for an id if it has none.
func newSide(ctx context.Context, tenant tenancy.Tenant, name string, base, secret int) *Side {
	if tenant.ID == "" {
		tenant.ID = tenancy.ID(name)
	}
	s := &Side{
		ID:     tenant.ID,
		Tenant: tenant,
		Ctx:    tenancy.NewContext(ctx, tenant),
		Mark:   strings.ToLower(rand.Text()),
		Secret: secret,
		ids:    idRange{base, base},
	}
	s.ids.take(&s.Ann, &s.Bob, &s.Idle, &s.UserX, &s.UserC)
	s.ids.take(&s.Order, &s.Order2, &s.OrderIdle, &s.OrderX, &s.OrderC)
	s.ids.take(&s.Profile, &s.ProfileIdle, &s.ProfileX)
	s.ids.take(&s.Group, &s.GroupIdle, &s.GroupX, &s.Team, &s.TeamIdle, &s.TeamX, &s.Club, &s.ClubIdle, &s.ClubX)
	s.ids.take(&s.Membership, &s.MembershipX, &s.Memo, &s.MemoIdle, &s.MemoLent, &s.MemoNoted)
	for _, id := range []*uuid.UUID{&s.Item, &s.Item2, &s.ItemIdle, &s.ItemX, &s.ItemC} {
		*id = uuid.New()
	}
	return s
}

func random(limit int64) int {
	n, err := rand.Int(rand.Reader, big.NewInt(limit))
	if err != nil {
		return 0
	}
	return int(n.Int64())
}

// secrets returns the texts that only B may be given.
func (w *World) secrets() []string {
	b := w.B
	return []string{b.Mark, string(b.ID), b.Item.String(), b.Item2.String(), b.ItemIdle.String(), b.ItemX.String(), b.ItemC.String()}
}

// linked reports whether an id of B's is in a row of A's as the end of a link
// across tenants: A's own data, and no news.
func (w *World) linked(id int) bool {
	b := w.B
	return id == b.UserX || id == b.OrderX || id == b.OrderC || id == b.TeamX || id == b.ClubX || id == b.GroupX || id == w.B.Memo
}

// Users returns the ids of all users of the side.
func (s *Side) Users() []int { return []int{s.Ann, s.Bob, s.Idle, s.UserX, s.UserC} }

// Orders returns the ids of all orders of the side.
func (s *Side) Orders() []int { return []int{s.Order, s.Order2, s.OrderIdle, s.OrderX, s.OrderC} }

func (s *Side) text(what string) string { return what + "-" + s.Mark }
