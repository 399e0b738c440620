package isolation

import (
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
)

// batch is rows of one table.
type batch struct {
	table   string
	columns []string
	values  [][]any
}

// tenantOf returns the tenant of a row of the batch, empty for everybody's.
func (b batch) tenantOf(values []any) string {
	i := slices.Index(b.columns, tenantColumn)
	if i < 0 {
		return ""
	}
	tenant, _ := values[i].(string)
	return tenant
}

// lateLink is a foreign key that is set when both rows are there.
type lateLink struct {
	table, column string
	id, to        int
}

// batches returns the rows of the world, those that others refer to first.
func (w *World) batches() []batch {
	all := []batch{
		{"countries", []string{"id", "code"}, [][]any{{w.Country, "one"}, {w.CountryIdle, "two"}}},
		{"labels", []string{"id", "name"}, [][]any{{w.Label, "one"}, {w.LabelIdle, "two"}}},
		{"accounts", []string{"id", "login"}, [][]any{
			{w.Account, "one"},
			{w.Account2, "two"},
			{w.AccountIdle, "three"},
			{w.AccountTitled, "four"},
			{w.AccountAbroad, "five"},
			{w.AccountLent, "six"},
			{w.AccountNoted, "seven"},
		}},
		{"grants", []string{"id", "remark", "account_id", "label_id"}, [][]any{{w.Grant, "", w.AccountTitled, w.Label}}},
		{"account_countries", []string{"account_id", "country_id"}, [][]any{{w.AccountAbroad, w.Country}}},
	}
	index := make(map[string]int)
	badges := batch{"badges", []string{"id", "name", "user_badges"}, [][]any{{w.Badge, "one", w.A.Ann}, {w.BadgeOfB, "two", w.B.Ann}, {w.BadgeIdle, "three", nil}}}
	for _, b := range slices.Concat(w.rowsOf(w.A, w.B), w.rowsOf(w.B, w.A), []batch{badges}, w.devices()) {
		i, ok := index[b.table]
		if !ok {
			index[b.table] = len(all)
			all = append(all, b)
			continue
		}
		all[i].values = append(all[i].values, b.values...)
	}
	return all
}

// rowsOf returns the rows of s, some of which are linked to rows of o.
func (w *World) rowsOf(s, o *Side) []batch {
	return append(w.entitiesOf(s, o), w.joinsOf(s, o)...)
}

func (w *World) entitiesOf(s, o *Side) []batch {
	tenant := string(s.ID)
	named := func(table, column string, ids ...int) batch {
		b := batch{table, []string{"id", "tenant_id", column}, nil}
		for i, id := range ids {
			b.values = append(b.values, []any{id, tenant, s.text(fmt.Sprintf("%s%d", table, i))})
		}
		return b
	}
	return []batch{
		s.users(),
		named("groups", "name", s.Group, s.GroupIdle, s.GroupX),
		named("teams", "name", s.Team, s.TeamIdle, s.TeamX),
		named("clubs", "name", s.Club, s.ClubIdle, s.ClubX),
		{"orders", []string{"id", "tenant_id", "number", "note", "total", "owner_id", "order_country"}, [][]any{
			{s.Order, tenant, s.text("n0"), s.text("note0"), s.Secret + 10, s.Ann, w.Country},
			{s.Order2, tenant, s.text("n1"), s.text("note1"), s.Secret + 11, s.Ann, nil},
			{s.OrderIdle, tenant, s.text("n2"), s.text("note2"), s.Secret + 12, nil, nil},
			{s.OrderX, tenant, s.text("n3"), s.text("note3"), s.Secret + 13, o.UserX, nil},
			{s.OrderC, tenant, s.text("n4"), s.text("note4"), s.Secret + 14, s.UserC, nil},
		}},
		{"items", []string{"id", "tenant_id", "sku", "price", "order_items"}, [][]any{
			{s.Item, tenant, s.text("sku0"), s.Secret + 20, s.Order},
			{s.Item2, tenant, s.text("sku1"), s.Secret + 21, s.Order},
			{s.ItemIdle, tenant, s.text("sku2"), s.Secret + 22, nil},
			{s.ItemX, tenant, s.text("sku3"), s.Secret + 23, o.OrderX},
			{s.ItemC, tenant, s.text("sku4"), s.Secret + 24, o.OrderC},
		}},
		{"profiles", []string{"id", "tenant_id", "bio", "user_profile"}, [][]any{
			{s.Profile, tenant, s.text("bio0"), s.Ann},
			{s.ProfileIdle, tenant, s.text("bio1"), nil},
			{s.ProfileX, tenant, s.text("bio2"), o.UserX},
		}},
		{"memos", []string{"id", "tenant_id", "text", "account_memos"}, [][]any{
			{s.Memo, tenant, s.text("memo0"), w.Account},
			{s.MemoIdle, tenant, s.text("memo1"), nil},
			{s.MemoLent, tenant, s.text("memo2"), nil},
			{s.MemoNoted, tenant, s.text("memo3"), nil},
		}},
	}
}

// devices returns everybody's devices, two of A's memos', and who watches them.
func (w *World) devices() []batch {
	tenant := string(w.B.ID)
	return []batch{
		{"devices", []string{"id", "name", "account_devices", "memo_devices"}, [][]any{
			{w.DeviceWatched, "one", w.AccountLent, nil}, {w.DeviceLent, "two", nil, w.A.MemoLent}, {w.DeviceNoted, "three", nil, w.A.MemoNoted},
		}},
		{"user_watched_devices", []string{"user_id", "device_id", "tenant_id"}, [][]any{
			{w.B.Ann, w.DeviceWatched, tenant}, {w.B.Ann, w.DeviceLent, tenant},
		}},
	}
}

func (s *Side) users() batch {
	b := batch{"users", []string{"id", "tenant_id", "name", "email", "domain", "age", "tags"}, nil}
	for i, id := range s.Users() {
		var email, domain any
		if id == s.Ann {
			email, domain = s.text("ann@example"), s.text("domain")
		}
		b.values = append(b.values, []any{id, string(s.ID), s.text(fmt.Sprintf("user%d", i)), email, domain, s.Secret + 30 + i, fmt.Sprintf("[%q]", s.text("tag"))})
	}
	return b
}

// joinsOf returns the rows of s in join tables. The last ones are between rows that s
// has nothing to do with, such as are left from before the tables had a tenant: nobody
// sees those.
func (w *World) joinsOf(s, o *Side) []batch {
	tenant, joined := string(s.ID), time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	return []batch{
		{"user_groups", []string{"user_id", "group_id", "tenant_id"}, [][]any{
			{s.Ann, s.Group, tenant}, {s.Bob, s.Group, tenant}, {s.UserX, o.GroupX, tenant}, {o.UserX, o.GroupX, tenant},
		}},
		{"user_friends", []string{"user_id", "friend_id", "tenant_id"}, [][]any{
			{s.Ann, s.Bob, tenant}, {s.Bob, s.Ann, tenant}, {s.UserX, o.UserX, tenant}, {o.UserX, o.UserX, tenant},
		}},
		{"user_following", []string{"user_id", "follower_id", "tenant_id"}, [][]any{
			{s.Ann, s.Bob, tenant}, {s.UserX, o.UserX, tenant}, {o.UserX, o.UserX, tenant},
		}},
		{"user_accounts", []string{"user_id", "account_id", "tenant_id"}, [][]any{
			{s.Ann, w.Account, tenant}, {o.UserX, w.AccountAbroad, tenant},
		}},
		{"order_labels", []string{"order_id", "label_id", "tenant_id"}, [][]any{
			{s.Order, w.Label, tenant}, {o.OrderX, w.LabelIdle, tenant},
		}},
		{"memberships", []string{"id", "tenant_id", "role", "joined_at", "user_id", "team_id"}, [][]any{
			{s.Membership, tenant, s.text("role0"), joined, s.Ann, s.Team},
			{s.MembershipX, tenant, s.text("role1"), joined, s.UserX, o.TeamX},
		}},
		{"visits", []string{"tenant_id", "remark", "guest_id", "club_id"}, [][]any{
			{tenant, s.text("remark0"), s.Ann, s.Club}, {tenant, s.text("remark1"), s.UserX, o.ClubX},
		}},
	}
}

// lateLinks returns links between users, and from global rows to tenants' ones.
func (w *World) lateLinks() []lateLink {
	links := []lateLink{
		{"accounts", "account_favorite", w.Account, w.B.Memo},
		{"accounts", "account_favorite", w.Account2, w.A.Memo},
		{"memos", "account_memos", w.A.MemoNoted, w.AccountNoted},
		{"memos", "device_notes", w.B.MemoIdle, w.DeviceNoted},
	}
	for _, s := range []*Side{w.A, w.B} {
		o := w.B
		if s == w.B {
			o = w.A
		}
		links = append(links,
			lateLink{"users", "user_spouse", s.Ann, s.Bob}, lateLink{"users", "user_spouse", s.Bob, s.Ann},
			lateLink{"users", "user_reports", s.Bob, s.Ann},
			lateLink{"users", "user_spouse", s.UserX, o.UserX}, lateLink{"users", "user_reports", s.UserX, o.UserX})
	}
	return links
}

// Items returns the ids of all items of the side.
func (s *Side) Items() []uuid.UUID { return []uuid.UUID{s.Item, s.Item2, s.ItemIdle, s.ItemX, s.ItemC} }
