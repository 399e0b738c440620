package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver"
	"github.com/entenancy/tenancy/examples/hybrid/ent"
	"github.com/entenancy/tenancy/examples/hybrid/ent/country"
	"github.com/entenancy/tenancy/examples/hybrid/ent/order"
)

// tour is a client in use, and what it has shown so far.
type tour struct {
	out    io.Writer
	made   places
	driver *driver.Driver
	client *ent.Client
	// tenants is by identifier, as the registry has them.
	tenants map[string]tenancy.Tenant
	failed  []error
}

// as returns a context that acts for a tenant, as the middleware makes one for
// a request.
func (t *tour) as(ctx context.Context, name string) context.Context {
	return tenancy.NewContext(ctx, t.tenants[name])
}

// takeTour uses the client as three tenants, and asks the databases themselves
// where everything went. It fails if anything is not as it says.
func takeTour(ctx context.Context, out io.Writer, made places, drv *driver.Driver, client *ent.Client) error {
	t := &tour{out: out, made: made, driver: drv, client: client, tenants: make(map[string]tenancy.Tenant)}
	germany, err := client.Country.Create().SetCode("DE").Save(tenancy.System(ctx, "seeding the countries"))
	if err != nil {
		return err
	}
	names := []string{"acme", "initech", "globex"}
	for i, name := range names {
		if t.tenants[name], err = made.tenants.ByIdentifier(ctx, name); err != nil {
			return err
		}
		if err := takeOrders(t.as(ctx, name), client, name, i+1, germany); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	t.say("\nOne client, the same code for each tenant:\n")
	for i, name := range names {
		t.ordersOf(t.as(ctx, name), name, i+1)
	}
	t.whereTheyAre(ctx)
	t.attack(ctx)
	if len(t.failed) > 0 {
		return errors.Join(t.failed...)
	}
	t.say("\nEverybody saw their own, wherever it was.\n")
	return nil
}

// takeOrders is an application's code. It mentions no tenant and no place.
func takeOrders(ctx context.Context, client *ent.Client, customer string, n int, from *ent.Country) error {
	tx, err := client.Tx(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	for i := range n {
		item, err := tx.Item.Create().SetSku(fmt.Sprintf("%s-anvil-%d", customer, i)).Save(ctx)
		if err != nil {
			return err
		}
		if err := tx.Order.Create().SetNumber(fmt.Sprintf("%s-%d", customer, i)).SetCents(100).AddItems(item).SetCountry(from).Exec(ctx); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// ordersOf reads a tenant's orders with what hangs on them.
func (t *tour) ordersOf(ctx context.Context, name string, want int) {
	orders, err := t.client.Order.Query().WithItems().WithCountry().Order(order.ByNumber()).All(ctx)
	if err != nil {
		t.check(false, "  %-8s %v", name, err)
		return
	}
	right := len(orders) == want
	var numbers []string
	for _, o := range orders {
		right = right && strings.HasPrefix(o.Number, name) && len(o.Edges.Items) == 1 && o.Edges.Country.Code == "DE"
		numbers = append(numbers, o.Number)
	}
	t.check(right, "  %-8s has %d orders, with items and country: %v", name, len(orders), numbers)
}

// whereTheyAre asks as the owner, past this library.
func (t *tour) whereTheyAre(ctx context.Context) {
	t.say("\nWhere they are, as the databases' owner sees it:\n")
	initech := t.tenants["initech"].Placement.Schema
	globex := t.made.url(databaseIn(t.tenants["globex"]), nil)
	for _, place := range []struct {
		name, url, query, want string
	}{
		{"home, public.orders", t.made.home, "SELECT number FROM public.orders ORDER BY 1", "acme"},
		{"initech' schema", t.made.home, "SELECT number FROM " + initech + ".orders ORDER BY 1", "initech"},
		{"globex' database", globex, "SELECT number FROM public.orders ORDER BY 1", "globex"},
	} {
		found, err := customers(ctx, place.url, place.query)
		t.check(err == nil && slices.Equal(found, []string{place.want}), "  %-22s holds the orders of %v", place.name, found)
	}
}

// databaseIn returns the name of a tenant's own database.
func databaseIn(t tenancy.Tenant) string {
	address, err := url.Parse(t.Placement.DatabaseURL.Reveal())
	if err != nil {
		return ""
	}
	return strings.TrimPrefix(address.Path, "/")
}

// customers returns whose orders a query finds, by their numbers.
func customers(ctx context.Context, address, query string) (found []string, err error) {
	db, err := sql.Open("pgx", address)
	if err != nil {
		return nil, err
	}
	defer func() { _ = db.Close() }()
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	numbers, err := texts(rows)
	for _, number := range numbers {
		name, _, _ := strings.Cut(number, "-")
		found = append(found, name)
	}
	return slices.Compact(found), err
}

// attack tries to get from one tenant to another.
func (t *tour) attack(ctx context.Context) {
	t.say("\nAttempts:\n")
	for _, name := range []string{"acme", "initech", "globex"} {
		found, err := t.rawNumbers(t.as(ctx, name))
		foreign := slices.ContainsFunc(found, func(number string) bool { return !strings.HasPrefix(number, name) })
		t.check(err == nil && len(found) > 0 && !foreign, "  %-8s SELECT number FROM orders, as raw SQL: %v", name, found)
	}

	_, err := t.client.Order.Query().All(ctx)
	t.refused(err, tenancy.ErrNoTenant, "nobody   reads orders")

	tx, err := t.client.Tx(t.as(ctx, "acme"))
	if err != nil {
		t.check(false, "  a transaction: %v", err)
		return
	}
	_, err = tx.Order.Query().All(t.as(ctx, "globex"))
	t.refused(err, tenancy.ErrCrossTenant, "globex   reads orders in a transaction of acme")
	t.check(tx.Rollback() == nil, "  acme     ends the transaction")

	_, err = t.client.Order.Query().Where(order.HasCountryWith(country.Code("DE"))).All(t.as(ctx, "globex"))
	t.refused(err, driver.ErrSpansDatabases, "globex   joins its orders with countries, which are in the home")

	gone := tenancy.NewContext(ctx, tenancy.Tenant{
		ID: "hooli", Identifier: "hooli", Isolation: tenancy.IsolationSchema, Placement: tenancy.Placement{Schema: "hooli"},
	})
	_, err = t.client.Order.Query().All(gone)
	t.refused(err, tenancy.ErrNotProvisioned, "hooli    whose schema is not there, reads orders")
}

// rawNumbers is SQL past ent: only the database holds it.
func (t *tour) rawNumbers(ctx context.Context) ([]string, error) {
	rows, err := t.driver.QueryContext(ctx, "SELECT number FROM orders ORDER BY number")
	if err != nil {
		return nil, err
	}
	return texts(rows)
}

// texts reads rows of one text each, and closes them.
func texts(rows *sql.Rows) (all []string, err error) {
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		all = append(all, text)
	}
	return all, rows.Err()
}

func (t *tour) refused(err, want error, what string) {
	t.check(errors.Is(err, want), "  %s -> %v", what, err)
}

// check prints what was seen, and remembers it if it is not right.
func (t *tour) check(right bool, format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	if !right {
		t.failed = append(t.failed, fmt.Errorf("not as it should be: %s", strings.TrimSpace(line)))
	}
	t.say(line + "\n")
}

func (t *tour) say(text string) { _, _ = io.WriteString(t.out, text) }
