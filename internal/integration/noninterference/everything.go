package noninterference

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/entenancy/tenancy/internal/integration/isolation/ent"
)

// readEverything returns all that the tenant can read: each row of each
// entity, with its neighbours.
func readEverything(c *call) (string, error) {
	var lines []string
	for _, read := range []func(*call) ([]string, error){readUsers, readOrders, readItems, readProfiles, readGroups, readTeams, readClubs, readMemos, readMemberships, readVisits} {
		some, err := read(c)
		if err != nil {
			return "", err
		}
		lines = append(lines, some...)
	}
	return everything(lines), nil
}

func everything(lines []string) string {
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func readUsers(c *call) ([]string, error) {
	q := c.client.User.Query().WithSpouse().WithManager().WithFriends().WithFollowing().WithFollowers().WithReports().
		WithGroups().WithTeams().WithClubs().WithOrders().WithProfile()
	if c.globals {
		q.WithAccounts()
	}
	users, err := q.All(c.ctx)
	return lines(users, err, func(u *ent.User) string {
		email, domain := "", ""
		if u.Email != nil {
			email = *u.Email
		}
		if u.Domain != nil {
			domain = *u.Domain
		}
		e := u.Edges
		return line(u.Name, map[string]any{
			"age": u.Age, "email": email, "domain": domain, "tags": strings.Join(u.Tags, ","),
			"spouse": nameOf(e.Spouse), "manager": nameOf(e.Manager), "profile": nameOf(e.Profile),
			"friends": names(e.Friends), "following": names(e.Following), "followers": names(e.Followers), "reports": names(e.Reports),
			"groups": names(e.Groups), "teams": names(e.Teams), "clubs": names(e.Clubs), "orders": names(e.Orders), "accounts": names(e.Accounts),
		})
	})
}

func readOrders(c *call) ([]string, error) {
	q := c.client.Order.Query().WithOwner().WithItems()
	if c.globals {
		q.WithCountry().WithLabels()
	}
	orders, err := q.All(c.ctx)
	return lines(orders, err, func(o *ent.Order) string {
		return line(o.Note, map[string]any{
			"number": o.Number, "total": o.Total, "owner": nameOf(o.Edges.Owner), "items": names(o.Edges.Items),
			"country": nameOf(o.Edges.Country), "labels": names(o.Edges.Labels),
		})
	})
}

func readItems(c *call) ([]string, error) {
	items, err := c.client.Item.Query().WithOrder().All(c.ctx)
	return lines(items, err, func(i *ent.Item) string {
		return line(i.Sku, map[string]any{"price": i.Price, "order": nameOf(i.Edges.Order)})
	})
}

func readProfiles(c *call) ([]string, error) {
	profiles, err := c.client.Profile.Query().WithUser().All(c.ctx)
	return lines(profiles, err, func(p *ent.Profile) string {
		return line(p.Bio, map[string]any{"user": nameOf(p.Edges.User)})
	})
}

func readGroups(c *call) ([]string, error) {
	groups, err := c.client.Group.Query().WithUsers().All(c.ctx)
	return lines(groups, err, func(g *ent.Group) string {
		return line(g.Name, map[string]any{"users": names(g.Edges.Users)})
	})
}

func readTeams(c *call) ([]string, error) {
	teams, err := c.client.Team.Query().WithUsers().All(c.ctx)
	return lines(teams, err, func(t *ent.Team) string {
		return line(t.Name, map[string]any{"users": names(t.Edges.Users)})
	})
}

func readClubs(c *call) ([]string, error) {
	clubs, err := c.client.Club.Query().WithGuests().All(c.ctx)
	return lines(clubs, err, func(t *ent.Club) string {
		return line(t.Name, map[string]any{"guests": names(t.Edges.Guests)})
	})
}

func readMemos(c *call) ([]string, error) {
	q := c.client.Memo.Query()
	if c.globals {
		q.WithAccount()
	}
	memos, err := q.All(c.ctx)
	return lines(memos, err, func(m *ent.Memo) string {
		return line(m.Text, map[string]any{"account": nameOf(m.Edges.Account)})
	})
}

func readMemberships(c *call) ([]string, error) {
	memberships, err := c.client.Membership.Query().WithUser().WithTeam().All(c.ctx)
	return lines(memberships, err, func(m *ent.Membership) string {
		return line(m.Role, map[string]any{"user": nameOf(m.Edges.User), "team": nameOf(m.Edges.Team)})
	})
}

func readVisits(c *call) ([]string, error) {
	visits, err := c.client.Visit.Query().WithGuest().WithClub().All(c.ctx)
	return lines(visits, err, func(v *ent.Visit) string {
		return line(v.Remark, map[string]any{"guest": nameOf(v.Edges.Guest), "club": nameOf(v.Edges.Club)})
	})
}

func lines[T any](rows []T, err error, show func(T) string) ([]string, error) {
	var all []string
	for _, r := range rows {
		all = append(all, show(r))
	}
	return all, err
}

// wantEverything is what readEverything returns of the model.
func wantEverything(v *view) string {
	show := map[string]func(key string, r row) map[string]any{
		"users": v.showUser, "orders": v.showOrder,
		"items": func(_ string, r row) map[string]any {
			return map[string]any{"price": r["price"], "order": v.textOf("orders", r["order_items"])}
		},
		"profiles": func(_ string, r row) map[string]any {
			return map[string]any{"user": v.textOf("users", r["user_profile"])}
		},
		"groups": func(key string, _ row) map[string]any {
			return map[string]any{"users": v.joined("user_groups", "group_id", key, "user_id", "users")}
		},
		"teams": func(key string, _ row) map[string]any {
			return map[string]any{"users": v.joined("memberships", "team_id", key, "user_id", "users")}
		},
		"clubs": func(key string, _ row) map[string]any {
			return map[string]any{"guests": v.joined("visits", "club_id", key, "guest_id", "users")}
		},
		"memos": func(_ string, r row) map[string]any {
			return map[string]any{"account": r["account_memos"]}
		},
		"memberships": func(_ string, r row) map[string]any {
			return map[string]any{"user": v.textOf("users", r["user_id"]), "team": v.textOf("teams", r["team_id"])}
		},
		"visits": func(_ string, r row) map[string]any {
			return map[string]any{"guest": v.textOf("users", r["guest_id"]), "club": v.textOf("clubs", r["club_id"])}
		},
	}
	var all []string
	for table, parts := range show {
		for key, r := range v.tables[table] {
			all = append(all, line(v.textOf(table, key), parts(key, r)))
		}
	}
	return everything(all)
}

func (v *view) showUser(key string, r row) map[string]any {
	return map[string]any{
		"age": r["age"], "email": r["email"], "domain": r["domain"], "tags": r["tags"],
		"spouse": v.textOf("users", r["user_spouse"]), "manager": v.textOf("users", r["user_reports"]),
		"profile":   strings.Join(v.texts("profiles", v.keys("profiles", where("user_profile", key))), ","),
		"friends":   v.joined("user_friends", "user_id", key, "friend_id", "users"),
		"following": v.joined("user_following", "follower_id", key, "user_id", "users"),
		"followers": v.joined("user_following", "user_id", key, "follower_id", "users"),
		"reports":   v.texts("users", v.keys("users", where("user_reports", key))),
		"groups":    v.joined("user_groups", "user_id", key, "group_id", "groups"),
		"teams":     v.joined("memberships", "user_id", key, "team_id", "teams"),
		"clubs":     v.joined("visits", "guest_id", key, "club_id", "clubs"),
		"orders":    v.texts("orders", v.keys("orders", where("owner_id", key))),
		"accounts":  v.globalNames("user_accounts", "user_id", key, "account_id"),
	}
}

func (v *view) showOrder(key string, r row) map[string]any {
	return map[string]any{
		"number": r["number"], "total": r["total"], "owner": v.textOf("users", r["owner_id"]), "country": r["order_country"],
		"items":  v.texts("items", v.keys("items", where("order_items", key))),
		"labels": v.globalNames("order_labels", "order_id", key, "label_id"),
	}
}

// globalNames returns the names of global rows that a join table links to a
// row. Their keys are their names.
func (v *view) globalNames(join, column, key, other string) []string {
	var names []string
	for r := range maps.Values(v.tables[join]) {
		if r[column] == key {
			names = append(names, fmt.Sprint(r[other]))
		}
	}
	return names
}
