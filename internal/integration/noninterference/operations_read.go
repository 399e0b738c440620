package noninterference

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"entgo.io/ent/dialect/sql"

	"github.com/entenancy/tenancy/internal/integration/isolation/ent"
	entcountry "github.com/entenancy/tenancy/internal/integration/isolation/ent/country"
	entgroup "github.com/entenancy/tenancy/internal/integration/isolation/ent/group"
	entitem "github.com/entenancy/tenancy/internal/integration/isolation/ent/item"
	entorder "github.com/entenancy/tenancy/internal/integration/isolation/ent/order"
	entuser "github.com/entenancy/tenancy/internal/integration/isolation/ent/user"
)

func readOperations() []*operation {
	reads := []*operation{
		{name: "read everything", run: readEverything, want: wantEverything, weight: 3},
		{name: "get user", run: func(c *call) (string, error) {
			return userText(c.client.User.Get(c.ctx, c.id(user, 0)))
		}, want: func(v *view) string {
			return v.onUser(v.userText)
		}},
		{name: "get user by email", run: func(c *call) (string, error) {
			email, _ := c.email(c.numbers[0]).(string)
			return userText(c.client.User.Query().Where(entuser.Email(email)).Only(c.ctx))
		}, want: func(v *view) string {
			found := v.keys("users", where("email", v.email(v.numbers[0])))
			if v.email(v.numbers[0]) == nil || len(found) == 0 {
				return notFound
			}
			return v.userText(found[0])
		}},
		{name: "find users by id", run: func(c *call) (string, error) {
			return listed(c.client.User.Query().Where(entuser.IDIn(c.id(user, 0), c.id(user, 1), c.id(user, 2))).Order(entuser.ByID()).Select(entuser.FieldName).Strings(c.ctx))
		}, want: func(v *view) string {
			chosen := []string{v.key(user, 0), v.key(user, 1), v.key(user, 2)}
			keys := v.keys("users", all)
			return v.list("users", slices.DeleteFunc(keys, func(key string) bool { return !slices.Contains(chosen, key) }))
		}},
		{name: "page of users", run: func(c *call) (string, error) {
			return listed(c.client.User.Query().Order(entuser.ByID()).Offset(c.n(0, 4)).Limit(1 + c.n(1, 3)).Select(entuser.FieldName).Strings(c.ctx))
		}, want: func(v *view) string {
			keys := v.keys("users", all)
			keys = keys[min(v.n(0, 4), len(keys)):]
			return v.list("users", keys[:min(1+v.n(1, 3), len(keys))])
		}},
		{name: "users by number of orders", run: func(c *call) (string, error) {
			users, err := c.client.User.Query().Order(entuser.ByOrdersCount(sql.OrderDesc()), entuser.ByID()).All(c.ctx)
			return listed(names(users), err)
		}, want: func(v *view) string {
			keys := v.keys("users", all)
			slices.SortStableFunc(keys, func(a, b string) int {
				return cmp.Compare(len(v.keys("orders", where("owner_id", b))), len(v.keys("orders", where("owner_id", a))))
			})
			return v.list("users", keys)
		}},
		{name: "orders by age of owner", run: func(c *call) (string, error) {
			orders, err := c.client.Order.Query().Where(entorder.HasOwner()).Order(entorder.ByOwnerField(entuser.FieldAge), entorder.ByID()).All(c.ctx)
			return listed(names(orders), err)
		}, want: func(v *view) string {
			keys := v.keys("orders", func(r row) bool { return r["owner_id"] != nil })
			slices.SortStableFunc(keys, func(a, b string) int { return cmp.Compare(v.ageOfOwner(a), v.ageOfOwner(b)) })
			return v.list("orders", keys)
		}},
		{name: "items of orders of users", run: func(c *call) (string, error) {
			skus, err := c.client.User.Query().Where(entuser.AgeGTE(c.n(0, 4))).QueryOrders().QueryItems().Select(entitem.FieldSku).Strings(c.ctx)
			slices.SortFunc(skus, inOrder)
			return listed(skus, err)
		}, want: func(v *view) string {
			owned := v.ownedFrom(v.n(0, 4))
			skus := v.texts("items", v.keys("items", func(r row) bool { return owned(v.at("orders", r["order_items"])) }))
			slices.SortFunc(skus, inOrder)
			return strings.Join(skus, " ")
		}},
		{name: "friends of user", run: func(c *call) (string, error) {
			return listed(c.client.User.Query().Where(entuser.ID(c.id(user, 0))).QueryFriends().Order(entuser.ByID()).Select(entuser.FieldName).Strings(c.ctx))
		}, want: func(v *view) string {
			friends := v.joined("user_friends", "user_id", v.key(user, 0), "friend_id", "users")
			slices.SortFunc(friends, inOrder)
			return strings.Join(friends, " ")
		}},
		{name: "users of groups of a friend", run: func(c *call) (string, error) {
			n, err := c.client.User.Query().Where(entuser.HasGroupsWith(entgroup.HasUsersWith(entuser.AgeGT(c.n(0, 4))))).Count(c.ctx)
			return counted(n, err)
		}, want: func(v *view) string {
			groups, users := map[any]bool{}, map[any]bool{}
			for _, r := range v.tables["user_groups"] {
				groups[r["group_id"]] = groups[r["group_id"]] || v.at("users", r["user_id"]).integer("age") > v.n(0, 4)
			}
			for _, r := range v.tables["user_groups"] {
				if groups[r["group_id"]] {
					users[r["user_id"]] = true
				}
			}
			return fmt.Sprint(len(users))
		}},
		{name: "is there an order", run: func(c *call) (string, error) {
			there, err := c.client.Order.Query().Where(entorder.TotalGT(c.n(0, 6))).Exist(c.ctx)
			return fmt.Sprint(there), err
		}, want: func(v *view) string {
			return fmt.Sprint(len(v.keys("orders", func(r row) bool { return r.integer("total") > v.n(0, 6) })) > 0)
		}},
		{name: "first order", run: func(c *call) (string, error) {
			o, err := c.client.Order.Query().Order(entorder.ByID(sql.OrderDesc())).First(c.ctx)
			if err != nil {
				return "", err
			}
			return o.Note, nil
		}, want: func(v *view) string {
			keys := v.keys("orders", all)
			if len(keys) == 0 {
				return notFound
			}
			return v.textOf("orders", keys[len(keys)-1])
		}},
		{name: "sum of orders", run: func(c *call) (string, error) {
			var sums []struct {
				Sum   *int // of no rows there is none
				Count int
			}
			err := c.client.Order.Query().Aggregate(ent.As(ent.Sum(entorder.FieldTotal), "sum"), ent.Count()).Scan(c.ctx, &sums)
			if err != nil || len(sums) != 1 || sums[0].Sum == nil {
				return "0 0", err
			}
			return fmt.Sprint(*sums[0].Sum, sums[0].Count), nil
		}, want: func(v *view) string { return v.sumOfOrders() }},
		{name: "users by age", run: func(c *call) (string, error) {
			var groups []struct{ Age, Count int }
			err := c.client.User.Query().Order(entuser.ByAge()).GroupBy(entuser.FieldAge).Aggregate(ent.Count()).Scan(c.ctx, &groups)
			return fmt.Sprint(groups), err
		}, want: func(v *view) string {
			counts := map[int]int{}
			for _, r := range v.tables["users"] {
				counts[r.integer("age")]++
			}
			var groups []struct{ Age, Count int }
			for age, n := range counts {
				groups = append(groups, struct{ Age, Count int }{age, n})
			}
			slices.SortFunc(groups, func(a, b struct{ Age, Count int }) int { return cmp.Compare(a.Age, b.Age) })
			return fmt.Sprint(groups)
		}},
		{name: "users with some orders", run: func(c *call) (string, error) {
			users, err := c.client.User.Query().Order(entuser.ByID()).WithOrders(func(q *ent.OrderQuery) {
				q.Where(entorder.TotalGT(c.n(0, 4))).Order(entorder.ByID()).WithItems(func(q *ent.ItemQuery) { q.Where(entitem.PriceGT(c.n(1, 4))) })
			}).All(c.ctx)
			var b strings.Builder
			for _, u := range users {
				for _, o := range u.Edges.Orders {
					fmt.Fprint(&b, u.Name, " ", o.Note, " ", len(o.Edges.Items), "; ")
				}
			}
			return b.String(), err
		}, want: func(v *view) string {
			var b strings.Builder
			for _, u := range v.keys("users", all) {
				for _, o := range v.keys("orders", func(r row) bool { return r["owner_id"] == u && r.integer("total") > v.n(0, 4) }) {
					items := v.keys("items", func(r row) bool { return r["order_items"] == o && r.integer("price") > v.n(1, 4) })
					fmt.Fprint(&b, v.textOf("users", u), " ", v.textOf("orders", o), " ", len(items), "; ")
				}
			}
			return b.String()
		}},
		{name: "orders of country", globals: true, run: func(c *call) (string, error) {
			return listed(c.client.Country.Query().Where(entcountry.ID(1 + c.n(0, globalRows))).QueryOrders().Order(entorder.ByID()).Select(entorder.FieldNote).Strings(c.ctx))
		}, want: func(v *view) string {
			return v.list("orders", v.keys("orders", where("order_country", globalName("country", v.n(0, globalRows)))))
		}},
	}
	for _, op := range reads {
		op.reads = true
	}
	return reads
}

// names returns the texts of rows.
func names[T any](rows []*T) []string {
	texts := make([]string, len(rows))
	for i, r := range rows {
		texts[i] = nameOf(r)
	}
	return texts
}

// nameOf returns a row's text, and nothing for none.
func nameOf(r any) string {
	switch r := r.(type) {
	case *ent.User:
		if r != nil {
			return r.Name
		}
	case *ent.Order:
		if r != nil {
			return r.Note
		}
	case *ent.Item:
		return r.Sku
	case *ent.Profile:
		if r != nil {
			return r.Bio
		}
	case *ent.Group:
		return r.Name
	case *ent.Team:
		return r.Name
	case *ent.Club:
		return r.Name
	case *ent.Account:
		if r != nil {
			return r.Login
		}
	case *ent.Label:
		return r.Name
	case *ent.Country:
		if r != nil {
			return r.Code
		}
	}
	return ""
}

// list is what listed makes of rows.
func (v *view) list(table string, keys []string) string {
	return strings.Join(v.texts(table, keys), " ")
}

func (v *view) ageOfOwner(order string) int {
	return v.at("users", v.tables["orders"][order]["owner_id"]).integer("age")
}

func (v *view) sumOfOrders() string {
	sum := 0
	for _, r := range v.tables["orders"] {
		sum += r.integer("total")
	}
	return fmt.Sprint(sum, len(v.tables["orders"]))
}
