package middlewaretest

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/entenancy/tenancy"
)

// many is how many active tenants there are, beside acme and globex.
const many = 40

// tenants is a Lookup that notes what it was asked for. An identifier has to
// stay what it was when the request is over, since a cache may keep it as a key.
type tenants struct {
	byIdentifier map[string]tenancy.Tenant

	mu    sync.Mutex
	fails error // what every lookup answers, if not nil
	asked []ask
}

// ask is an identifier as it came, and as it was then.
type ask struct{ came, was string }

func newTenants() *tenants {
	l := &tenants{byIdentifier: map[string]tenancy.Tenant{}}
	for identifier, status := range map[string]tenancy.Status{
		"acme": tenancy.StatusActive, "globex": tenancy.StatusActive,
		"provisioning": tenancy.StatusProvisioning, "suspended": tenancy.StatusSuspended, "deleted": tenancy.StatusDeleted,
	} {
		l.add(identifier, status)
	}
	for i := range many {
		l.add(numbered(i), tenancy.StatusActive)
	}
	return l
}

func numbered(i int) string { return fmt.Sprintf("tenant-%d", i) }

// idOf is the id of the tenant with an identifier.
func idOf(identifier string) string { return "id-of-" + identifier }

func (l *tenants) add(identifier string, status tenancy.Status) {
	l.byIdentifier[identifier] = tenancy.Tenant{
		ID: tenancy.ID(idOf(identifier)), Identifier: identifier, Name: "Tenant " + identifier, Status: status,
	}
}

// ByIdentifier implements [tenancy.Lookup].
func (l *tenants) ByIdentifier(_ context.Context, identifier string) (tenancy.Tenant, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked = append(l.asked, ask{came: identifier, was: strings.Clone(identifier)})
	if l.fails != nil {
		return tenancy.Tenant{}, l.fails
	}
	tenant, ok := l.byIdentifier[identifier]
	if !ok {
		return tenancy.Tenant{}, tenancy.ErrNotFound
	}
	return tenant, nil
}

// ByID implements [tenancy.Lookup]. The suite's resolvers know no ids.
func (l *tenants) ByID(context.Context, tenancy.ID) (tenancy.Tenant, error) {
	return tenancy.Tenant{}, tenancy.ErrNotFound
}

func (l *tenants) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fails = err
}

// lookups returns how many there were.
func (l *tenants) lookups() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.asked)
}

// changed returns an identifier that is no longer what it was, and what it has become.
func (l *tenants) changed() (was, is string, found bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, a := range l.asked {
		if a.came != a.was {
			return a.was, a.came, true
		}
	}
	return "", "", false
}
