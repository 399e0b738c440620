package noninterference

import (
	"fmt"

	"github.com/entenancy/tenancy/internal/integration/isolation/ent"
)

func createOperations() []*operation {
	return []*operation{
		{name: "create user", run: runCreateUser, want: wantCreateUser, weight: 10},
		{name: "create users at once", run: runCreateUsers, want: wantCreateUsers, weight: 4},
		{name: "create order", run: runCreateOrder, want: wantCreateOrder, weight: 6},
		{name: "create orders at once", run: runCreateOrders, want: wantCreateOrders, weight: 3},
		{name: "create item", run: runCreateItem, want: wantCreateItem, weight: 6},
		{name: "create profile", run: runCreateProfile, want: wantCreateProfile, weight: 3},
		{name: "create group of users", run: runCreateGroup, want: wantCreateGroup, weight: 4},
		{name: "create team", weight: 3, run: func(c *call) (string, error) {
			key := c.new(team)
			t, err := c.client.Team.Create().SetName(c.text(key, 0)).Save(c.ctx)
			if err == nil {
				c.learn(team, key, t.ID)
			}
			return done(err)
		}, want: wantNamed(team)},
		{name: "create club", weight: 3, run: func(c *call) (string, error) {
			key := c.new(club)
			t, err := c.client.Club.Create().SetName(c.text(key, 0)).Save(c.ctx)
			if err == nil {
				c.learn(club, key, t.ID)
			}
			return done(err)
		}, want: wantNamed(club)},
		{name: "create memo", weight: 3, run: func(c *call) (string, error) {
			key := c.new(memo)
			m, err := c.client.Memo.Create().SetText(c.text(key, 0)).Save(c.ctx)
			if err == nil {
				c.learn(memo, key, m.ID)
			}
			return done(err)
		}, want: wantNamed(memo)},
		{name: "create memo of account", globals: true, run: func(c *call) (string, error) {
			return done(c.client.Memo.Create().SetText(c.text(c.new(memo), 0)).SetAccountID(1 + c.n(0, globalRows)).Exec(c.ctx))
		}, want: func(v *view) string {
			key := v.new(memo)
			return v.insert("memos", key, row{"text": v.text(key, 0), "account_memos": globalName("account", v.n(0, globalRows))})
		}},
		{name: "create membership", weight: 4, run: func(c *call) (string, error) {
			return done(c.client.Membership.Create().SetUserID(c.id(user, 0)).SetTeamID(c.id(team, 1)).SetRole(c.text("role", c.n(2, 3))).Exec(c.ctx))
		}, want: func(v *view) string { return v.join("memberships", user, team, v.text("role", v.n(2, 3))) }},
		{name: "create visit", weight: 4, run: func(c *call) (string, error) {
			return done(c.client.Visit.Create().SetGuestID(c.id(user, 0)).SetClubID(c.id(club, 1)).SetRemark(c.text("remark", c.n(2, 3))).Exec(c.ctx))
		}, want: func(v *view) string { return v.join("visits", user, club, v.text("remark", v.n(2, 3))) }},
		{name: "upsert order", run: runUpsertOrder(func(u *ent.OrderUpsertOne, n int) *ent.OrderUpsertOne {
			return u.Update(func(s *ent.OrderUpsert) { s.SetTotal(n) })
		}), want: wantUpsertOrder(true), weight: 2},
		{name: "upsert order or leave it", run: runUpsertOrder(func(u *ent.OrderUpsertOne, _ int) *ent.OrderUpsertOne {
			return u.Ignore()
		}), want: wantUpsertOrder(false)},
		{name: "upsert item", run: runUpsertItem, want: wantUpsertItem},
	}
}

// The global rows of each type, with the ids 1 and up.
const globalRows = 2

// globalName is the key and the text of a global row.
func globalName(what string, n int) string { return fmt.Sprint(what, n+1) }

// newUser returns the columns of a new user.
func (a *args) newUser(email int) (key string, r row) {
	key = a.new(user)
	r = row{"text": a.text(key, 0), "age": a.n(0, 5), "tags": fmt.Sprint(a.n(2, 2))}
	if address := a.email(email); address != nil {
		r["email"] = address
	}
	if a.numbers[2]%3 == 1 {
		r["domain"] = fmt.Sprintf("%s%d.example.com", mark(a.tenant), a.n(1, 3))
	}
	return key, r
}

func (c *call) createUser(r row) *ent.UserCreate {
	text, _ := r["text"].(string)
	tag, _ := r["tags"].(string)
	create := c.client.User.Create().SetName(text).SetAge(r.integer("age")).SetTags([]string{tag})
	if email, has := r["email"].(string); has {
		create.SetEmail(email)
	}
	if domain, has := r["domain"].(string); has {
		create.SetDomain(domain)
	}
	return create
}

func runCreateUser(c *call) (string, error) {
	key, r := c.newUser(c.numbers[1])
	u, err := c.createUser(r).Save(c.ctx)
	if err != nil {
		return "", err
	}
	c.learn(user, key, u.ID)
	return u.Name, nil
}

func wantCreateUser(v *view) string {
	key, r := v.newUser(v.numbers[1])
	if answer := v.insert("users", key, r); answer != ok {
		return answer
	}
	return v.text(key, 0)
}

func runCreateUsers(c *call) (string, error) {
	var creates []*ent.UserCreate
	var keys []string
	for i := range 2 + c.n(0, 2) {
		key, r := c.newUser(c.numbers[1] + i)
		delete(r, "domain") // the same for all of them
		keys, creates = append(keys, key), append(creates, c.createUser(r))
	}
	users, err := c.client.User.CreateBulk(creates...).Save(c.ctx)
	for i, u := range users {
		c.learn(user, keys[i], u.ID)
	}
	return done(err)
}

func wantCreateUsers(v *view) string {
	for i := range 2 + v.n(0, 2) {
		key, r := v.newUser(v.numbers[1] + i)
		delete(r, "domain")
		if answer := v.insert("users", key, r); answer != ok {
			return answer
		}
	}
	return ok
}

// orderNumber is one of eight numbers, so that they collide.
func (a *args) orderNumber(n int) string { return fmt.Sprintf("%s-%d", mark(a.tenant), n%8) }

func (c *call) createOrder(key string, n int) *ent.OrderCreate {
	create := c.client.Order.Create().SetNote(c.text(key, 0)).SetNumber(c.orderNumber(n)).SetTotal(c.n(0, 5))
	if c.numbers[2]%2 == 1 {
		create.SetOwnerID(c.id(user, 1))
	}
	return create
}

func (v *view) insertOrder(key string, n int) string {
	r := row{"text": v.text(key, 0), "number": v.orderNumber(n), "total": v.n(0, 5)}
	if v.numbers[2]%2 == 1 {
		r["owner_id"] = v.key(user, 1)
	}
	return v.insert("orders", key, r)
}

func runCreateOrder(c *call) (string, error) {
	key := c.new(order)
	o, err := c.createOrder(key, c.numbers[0]).Save(c.ctx)
	if err != nil {
		return "", err
	}
	c.learn(order, key, o.ID)
	return o.Number, nil
}

func wantCreateOrder(v *view) string {
	if answer := v.insertOrder(v.new(order), v.numbers[0]); answer != ok {
		return answer
	}
	return v.orderNumber(v.numbers[0])
}

func runCreateOrders(c *call) (string, error) {
	keys := []string{c.new(order), c.new(order)}
	orders, err := c.client.Order.CreateBulk(c.createOrder(keys[0], c.numbers[0]), c.createOrder(keys[1], c.numbers[1])).Save(c.ctx)
	for i, o := range orders {
		c.learn(order, keys[i], o.ID)
	}
	return done(err)
}

func wantCreateOrders(v *view) string {
	if answer := v.insertOrder(v.new(order), v.numbers[0]); answer != ok {
		return answer
	}
	return v.insertOrder(v.new(order), v.numbers[1])
}

func runCreateItem(c *call) (string, error) {
	key := c.new(item)
	create := c.client.Item.Create().SetID(itemID(c.tenant, key)).SetSku(c.text(key, 0)).SetPrice(c.n(0, 5))
	if c.numbers[2]%4 > 0 {
		create.SetOrderID(c.id(order, 1))
	}
	return done(create.Exec(c.ctx))
}

func wantCreateItem(v *view) string {
	key := v.new(item)
	r := row{"text": v.text(key, 0), "price": v.n(0, 5)}
	if v.numbers[2]%4 > 0 {
		r["order_items"] = v.key(order, 1)
	}
	return v.insert("items", key, r)
}

func runCreateProfile(c *call) (string, error) {
	key := c.new(profile)
	p, err := c.client.Profile.Create().SetBio(c.text(key, 0)).SetUserID(c.id(user, 0)).Save(c.ctx)
	if err == nil {
		c.learn(profile, key, p.ID)
	}
	return done(err)
}

func wantCreateProfile(v *view) string {
	key := v.new(profile)
	return v.insert("profiles", key, row{"text": v.text(key, 0), "user_profile": v.key(user, 0)})
}

func runCreateGroup(c *call) (string, error) {
	key := c.new(group)
	g, err := c.client.Group.Create().SetName(c.text(key, 0)).AddUserIDs(c.id(user, 0), c.id(user, 1)).Save(c.ctx)
	if err == nil {
		c.learn(group, key, g.ID)
	}
	return done(err)
}

func wantCreateGroup(v *view) string {
	key := v.new(group)
	v.insert("groups", key, row{"text": v.text(key, 0)})
	for place := range 2 {
		if answer := v.link("user_groups", "user_id", v.key(user, place), "group_id", key); answer != ok {
			return answer
		}
	}
	return ok
}

func wantNamed(k kind) func(*view) string {
	return func(v *view) string {
		key := v.new(k)
		return v.insert(k.table(), key, row{"text": v.text(key, 0)})
	}
}

// join adds a row of an edge schema between two rows.
func (v *view) join(table string, a, b kind, text string) string {
	ends := map[kind]string{user: "user_id", team: "team_id", club: "club_id"}
	if table == "visits" {
		ends[user] = "guest_id"
	}
	return v.insert(table, v.key(a, 0)+"+"+v.key(b, 1), row{"text": text, ends[a]: v.key(a, 0), ends[b]: v.key(b, 1)})
}

// link adds a row to a join table, as ent does: one that is there stays.
func (v *view) link(table, columnA, a, columnB, b string) string {
	answer := v.insert(table, a+"+"+b, row{columnA: a, columnB: b})
	if answer == notUnique {
		return ok
	}
	return answer
}
