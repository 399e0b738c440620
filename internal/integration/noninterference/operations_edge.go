package noninterference

import (
	"github.com/entenancy/tenancy/internal/integration/isolation/ent"
)

func edgeOperations() []*operation {
	return []*operation{
		userLink("befriend", user, func(u *ent.UserUpdateOne, id int) *ent.UserUpdateOne { return u.AddFriendIDs(id) }, (*view).befriend),
		userEdge("unfriend", user, func(u *ent.UserUpdateOne, id int) *ent.UserUpdateOne { return u.RemoveFriendIDs(id) }, func(v *view, a, b string) string {
			v.unlink2("user_friends", "user_id", a, "friend_id", b)
			return v.unlink2("user_friends", "user_id", b, "friend_id", a)
		}),
		userEdge("befriend nobody", user, func(u *ent.UserUpdateOne, _ int) *ent.UserUpdateOne { return u.ClearFriends() }, func(v *view, a, _ string) string {
			v.remove("user_friends", v.keys("user_friends", where("user_id", a))...)
			return v.remove("user_friends", v.keys("user_friends", where("friend_id", a))...)
		}),
		userLink("follow", user, func(u *ent.UserUpdateOne, id int) *ent.UserUpdateOne { return u.AddFollowingIDs(id) }, func(v *view, a, b string) string {
			return v.link("user_following", "follower_id", a, "user_id", b)
		}),
		userLink("be followed", user, func(u *ent.UserUpdateOne, id int) *ent.UserUpdateOne { return u.AddFollowerIDs(id) }, func(v *view, a, b string) string {
			return v.link("user_following", "follower_id", b, "user_id", a)
		}),
		userEdge("unfollow", user, func(u *ent.UserUpdateOne, id int) *ent.UserUpdateOne { return u.RemoveFollowingIDs(id) }, func(v *view, a, b string) string {
			return v.unlink2("user_following", "follower_id", a, "user_id", b)
		}),
		userLink("marry", user, func(u *ent.UserUpdateOne, id int) *ent.UserUpdateOne { return u.SetSpouseID(id) }, (*view).marry),
		userEdge("divorce", user, func(u *ent.UserUpdateOne, _ int) *ent.UserUpdateOne { return u.ClearSpouse() }, func(v *view, a, _ string) string {
			for _, other := range v.keys("users", where("user_spouse", a)) {
				v.update("users", other, row{"user_spouse": nil})
			}
			return v.update("users", a, row{"user_spouse": nil})
		}),
		userLink("set manager", user, func(u *ent.UserUpdateOne, id int) *ent.UserUpdateOne { return u.SetManagerID(id) }, func(v *view, a, b string) string {
			return v.update("users", a, row{"user_reports": b})
		}),
		userEdge("clear manager", user, func(u *ent.UserUpdateOne, _ int) *ent.UserUpdateOne { return u.ClearManager() }, func(v *view, a, _ string) string {
			return v.update("users", a, row{"user_reports": nil})
		}),
		userLink("add report", user, func(u *ent.UserUpdateOne, id int) *ent.UserUpdateOne { return u.AddReportIDs(id) }, func(v *view, a, b string) string {
			return v.take("users", b, "user_reports", a)
		}),
		userEdge("remove report", user, func(u *ent.UserUpdateOne, id int) *ent.UserUpdateOne { return u.RemoveReportIDs(id) }, func(v *view, a, b string) string {
			return v.release("users", b, "user_reports", a)
		}),
		userLink("join group", group, func(u *ent.UserUpdateOne, id int) *ent.UserUpdateOne { return u.AddGroupIDs(id) }, func(v *view, a, b string) string {
			return v.link("user_groups", "user_id", a, "group_id", b)
		}),
		userEdge("leave group", group, func(u *ent.UserUpdateOne, id int) *ent.UserUpdateOne { return u.RemoveGroupIDs(id) }, func(v *view, a, b string) string {
			return v.unlink2("user_groups", "user_id", a, "group_id", b)
		}),
		userLink("join team", team, func(u *ent.UserUpdateOne, id int) *ent.UserUpdateOne { return u.AddTeamIDs(id) }, func(v *view, a, b string) string {
			return v.insert("memberships", a+"+"+b, row{"text": "member", "user_id": a, "team_id": b})
		}),
		userEdge("leave team", team, func(u *ent.UserUpdateOne, id int) *ent.UserUpdateOne { return u.RemoveTeamIDs(id) }, func(v *view, a, b string) string {
			return v.remove("memberships", a+"+"+b)
		}),
		userEdge("leave clubs", club, func(u *ent.UserUpdateOne, _ int) *ent.UserUpdateOne { return u.ClearClubs() }, func(v *view, a, _ string) string {
			return v.remove("visits", v.keys("visits", where("guest_id", a))...)
		}),
		userLink("set profile", profile, func(u *ent.UserUpdateOne, id int) *ent.UserUpdateOne { return u.SetProfileID(id) }, func(v *view, a, b string) string {
			return v.take("profiles", b, "user_profile", a)
		}),
		userEdge("clear profile", profile, func(u *ent.UserUpdateOne, _ int) *ent.UserUpdateOne { return u.ClearProfile() }, func(v *view, a, _ string) string {
			for _, key := range v.keys("profiles", where("user_profile", a)) {
				v.update("profiles", key, row{"user_profile": nil})
			}
			return ok
		}),
		userLink("own order", order, func(u *ent.UserUpdateOne, id int) *ent.UserUpdateOne { return u.AddOrderIDs(id) }, func(v *view, a, b string) string {
			return v.take("orders", b, "owner_id", a)
		}),
		orderLink("set owner", user, func(c *call, o *ent.OrderUpdateOne) *ent.OrderUpdateOne { return o.SetOwnerID(c.id(user, 1)) }, func(v *view, key string) string {
			return v.update("orders", key, row{"owner_id": v.key(user, 1)})
		}),
		orderEdge("clear owner", func(_ *call, o *ent.OrderUpdateOne) *ent.OrderUpdateOne { return o.ClearOwner() }, func(v *view, key string) string {
			return v.update("orders", key, row{"owner_id": nil})
		}),
		orderLink("add item", item, func(c *call, o *ent.OrderUpdateOne) *ent.OrderUpdateOne { return o.AddItemIDs(c.itemID(1)) }, func(v *view, key string) string {
			return v.take("items", v.key(item, 1), "order_items", key)
		}),
		orderEdge("remove item", func(c *call, o *ent.OrderUpdateOne) *ent.OrderUpdateOne { return o.RemoveItemIDs(c.itemID(1)) }, func(v *view, key string) string {
			return v.release("items", v.key(item, 1), "order_items", key)
		}),
		global(orderEdge("label", func(c *call, o *ent.OrderUpdateOne) *ent.OrderUpdateOne { return o.AddLabelIDs(1 + c.n(1, globalRows)) }, func(v *view, key string) string {
			return v.link("order_labels", "order_id", key, "label_id", globalName("label", v.n(1, globalRows)))
		})),
		global(orderEdge("unlabel", func(c *call, o *ent.OrderUpdateOne) *ent.OrderUpdateOne {
			return o.RemoveLabelIDs(1 + c.n(1, globalRows))
		}, func(v *view, key string) string {
			return v.unlink2("order_labels", "order_id", key, "label_id", globalName("label", v.n(1, globalRows)))
		})),
		global(orderEdge("set country", func(c *call, o *ent.OrderUpdateOne) *ent.OrderUpdateOne {
			return o.SetCountryID(1 + c.n(1, globalRows))
		}, func(v *view, key string) string {
			return v.update("orders", key, row{"order_country": globalName("country", v.n(1, globalRows))})
		})),
		global(&operation{name: "join account", run: func(c *call) (string, error) {
			return done(c.client.User.UpdateOneID(c.id(user, 0)).AddAccountIDs(1 + c.n(1, globalRows)).Exec(c.ctx))
		}, want: func(v *view) string {
			return v.onUser(func(a string) string {
				return v.link("user_accounts", "user_id", a, "account_id", globalName("account", v.n(1, globalRows)))
			})
		}}),
	}
}

func global(op *operation) *operation {
	op.globals = true
	return op
}

// userLink links the first user to the second row, which has to be there.
func userLink(name string, to kind, change func(*ent.UserUpdateOne, int) *ent.UserUpdateOne, want func(v *view, from, to string) string) *operation {
	op := userEdge(name, to, change, want)
	op.want = checked(to, op.want)
	return op
}

// checked is what is wanted where ent looks at the second row before it looks for the first.
func checked(to kind, want func(*view) string) func(*view) string {
	return func(v *view) string {
		if v.tables[to.table()][v.key(to, 1)] == nil {
			return refused
		}
		return want(v)
	}
}

// userEdge changes an edge of the first user, to the second row.
func userEdge(name string, to kind, change func(*ent.UserUpdateOne, int) *ent.UserUpdateOne, want func(v *view, from, to string) string) *operation {
	return &operation{
		name: name,
		run: func(c *call) (string, error) {
			return done(change(c.client.User.UpdateOneID(c.id(user, 0)), c.id(to, 1)).Exec(c.ctx))
		},
		want: func(v *view) string {
			return v.onUser(func(from string) string { return want(v, from, v.key(to, 1)) })
		},
	}
}

// onUser changes the first user if it is there.
func (v *view) onUser(change func(key string) string) string {
	key := v.key(user, 0)
	if v.tables["users"][key] == nil {
		return notFound
	}
	return change(key)
}

// orderLink links the first order to the second row, which has to be there.
func orderLink(name string, to kind, change func(*call, *ent.OrderUpdateOne) *ent.OrderUpdateOne, want func(v *view, key string) string) *operation {
	op := orderEdge(name, change, want)
	op.want = checked(to, op.want)
	return op
}

// orderEdge changes an edge of the first order.
func orderEdge(name string, change func(*call, *ent.OrderUpdateOne) *ent.OrderUpdateOne, want func(v *view, key string) string) *operation {
	return &operation{
		name: name,
		run: func(c *call) (string, error) {
			return done(change(c, c.client.Order.UpdateOneID(c.id(order, 0))).Exec(c.ctx))
		},
		want: func(v *view) string {
			key := v.key(order, 0)
			if v.tables["orders"][key] == nil {
				return notFound
			}
			return want(v, key)
		},
	}
}

func (v *view) befriend(a, b string) string {
	if answer := v.link("user_friends", "user_id", a, "friend_id", b); answer != ok {
		return answer
	}
	return v.link("user_friends", "user_id", b, "friend_id", a)
}

// marry sets both ends. ent takes no spouse away from another.
func (v *view) marry(a, b string) string {
	if answer := v.update("users", a, row{"user_spouse": b}); answer != ok {
		return answer
	}
	return v.take("users", b, "user_spouse", a)
}

// unlink2 removes a row of a join table if it is there.
func (v *view) unlink2(table, columnA, a, columnB, b string) string {
	return v.remove(table, v.keys(table, func(r row) bool { return r[columnA] == a && r[columnB] == b })...)
}

// take links a row to another by its foreign key, unless it is linked already.
func (v *view) take(table, key, column, to string) string {
	r, there := v.tables[table][key]
	switch {
	case !there:
		return refused
	case r[column] != nil:
		return connected
	}
	return v.update(table, key, row{column: to})
}

// release sets a foreign key to NULL if it names the row.
func (v *view) release(table, key, column, from string) string {
	if r, there := v.tables[table][key]; there && r[column] == from {
		return v.update(table, key, row{column: nil})
	}
	return ok
}
