package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/examples/quickstart/ent"
)

// tour drives the server over HTTP and writes down what happened. Whatever is
// not as it should be ends the tour with an error.
type tour struct {
	out  io.Writer
	url  string
	errs []error
}

func takeTour(ctx context.Context, out io.Writer, client *ent.Client, url string) error {
	t := &tour{out: out, url: url}
	t.say("One server, one ent client, one SQLite file. Four tenants: acme, globex, hooli, and initech, who is suspended.\n")

	if err := t.placeOrders(ctx); err != nil {
		return err
	}
	victim := t.look(ctx)
	t.attack(ctx, victim)
	t.forget(ctx, client)

	if err := errors.Join(t.errs...); err != nil {
		return fmt.Errorf("the tour found a leak: %w", err)
	}
	t.say("\nNobody saw or touched another tenant's rows.")
	return nil
}

// active are the tenants that take part, ordersEach what each of them orders.
func active() []string { return []string{"acme", "globex", "hooli"} }

const ordersEach = 20

func (t *tour) say(format string, args ...any) { _, _ = fmt.Fprintf(t.out, format+"\n", args...) }

// placeOrders lets all tenants order at the same time, with the same numbers.
func (t *tour) placeOrders(ctx context.Context) error {
	t.say("1. acme, globex and hooli each place %d orders at the same time, with the same numbers and tags.", ordersEach)
	var g errgroup.Group
	for _, tenant := range active() {
		g.Go(func() error {
			for i := range ordersEach {
				body := fmt.Sprintf(`{"number":"%d","customer":"ann@%s.test","country":"DE","tags":["urgent"],"items":[{"sku":"%s-%d","cents":%d}]}`, 1000+i, tenant, tenant, i, 100*(i+1))
				if answer := t.do(ctx, tenant, http.MethodPost, "/orders", body); answer.status != http.StatusCreated {
					return fmt.Errorf("%s could not order: %s", tenant, answer)
				}
			}
			return nil
		})
	}
	return g.Wait()
}

// look lets each tenant list its orders, and returns one of acme's.
func (t *tour) look(ctx context.Context) (victim orderJSON) {
	t.say("2. Each lists its orders.")
	for _, tenant := range active() {
		var orders []orderJSON
		answer := t.do(ctx, tenant, http.MethodGet, "/orders?tag=urgent", "")
		_ = json.Unmarshal([]byte(answer.body), &orders)
		customers := make(map[string]int)
		for _, o := range orders {
			customers[o.Customer]++
		}
		t.say("   %-7s sees %d orders of %v", tenant, len(orders), customers)
		t.expect(customers["ann@"+tenant+".test"] == ordersEach && len(orders) == ordersEach, "%s sees %v", tenant, customers)
		if tenant == "acme" && len(orders) > 0 {
			victim = orders[0]
		}
	}
	return victim
}

// attack lets globex, and strangers, try to reach one of acme's orders.
func (t *tour) attack(ctx context.Context, victim orderJSON) {
	path := "/orders/" + victim.ID.String()
	t.say("3. globex knows the id of one of acme's orders, %s, and tries everything.", victim.ID)
	for _, try := range []struct{ tenant, what, method, path, body string }{
		{"globex", "read it", http.MethodGet, path, ""},
		{"globex", "change it", http.MethodPatch, path, `{"note":"mine now"}`},
		{"globex", "delete it", http.MethodDelete, path, ""},
		{"globex", "order as acme's customer", http.MethodPost, "/orders", `{"number":"9999","customer_id":"` + victim.CustomerID.String() + `","country":"DE"}`},
		{"globex", "add a country for everybody", http.MethodPost, "/countries", ""},
		{"initech", "come in though suspended", http.MethodGet, "/orders", ""},
		{"nobody", "be a tenant that is not there", http.MethodGet, "/orders", ""},
		{"' OR '1'='1", "be all tenants", http.MethodGet, "/orders", ""},
		{"", "be no tenant at all", http.MethodGet, "/orders", ""},
	} {
		answer := t.do(ctx, try.tenant, try.method, try.path, try.body)
		t.say("   %-13s tries to %-30s -> %s", cmp.Or(try.tenant, "(no header)"), try.what, answer)
		t.expect(answer.status == http.StatusNotFound || answer.status == http.StatusForbidden, "%s could %s: %s", try.tenant, try.what, answer)
		t.expect(!strings.Contains(answer.body, "acme"), "%s was told of acme: %s", try.tenant, answer)
	}
	after := t.do(ctx, "acme", http.MethodGet, path, "")
	var same orderJSON
	_ = json.Unmarshal([]byte(after.body), &same)
	t.expect(same.Note == "" && same.Number == victim.Number, "acme's order has changed: %s", after)
	t.say("   acme's order is as it was: %s", strings.TrimSpace(after.body))
}

// forget shows what happens to a developer who loses the context.
func (t *tour) forget(ctx context.Context, client *ent.Client) {
	t.say("4. A developer forgets the tenant, with context.Background() or in a goroutine.")
	_, err := client.Order.Query().All(ctx)
	t.say("   client.Order.Query().All(ctx) -> %v", err)
	t.expect(errors.Is(err, tenancy.ErrNoTenant), "a query without tenant: %v", err)

	count, err := client.Order.Query().Count(tenancy.System(ctx, "counting all orders for the tour"))
	t.say("   with tenancy.System(ctx, \"counting all orders for the tour\") -> %d orders, %v", count, err)
	t.expect(count == len(active())*ordersEach && err == nil, "the system counts %d, %v", count, err)
}

func (t *tour) expect(ok bool, format string, args ...any) {
	if !ok {
		t.errs = append(t.errs, fmt.Errorf(format, args...))
	}
}

// answer is what the server said.
type answer struct {
	status int
	body   string
}

func (a answer) String() string {
	return fmt.Sprintf("%d %s", a.status, http.StatusText(a.status))
}

func (t *tour) do(ctx context.Context, tenant, method, path, body string) answer {
	r, err := http.NewRequestWithContext(ctx, method, t.url+path, bytes.NewBufferString(body))
	if err != nil {
		return answer{body: err.Error()}
	}
	if tenant != "" {
		r.Header.Set("X-Tenant-ID", tenant)
	}
	w, err := http.DefaultClient.Do(r)
	if err != nil {
		return answer{body: err.Error()}
	}
	defer func() { _ = w.Body.Close() }()
	text, _ := io.ReadAll(w.Body)
	return answer{w.StatusCode, string(text)}
}
