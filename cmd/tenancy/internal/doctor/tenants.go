package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/crypt"
	"github.com/entenancy/tenancy/migrate"
)

// tenants is what one reading of the registry has found.
type tenants struct {
	all    []tenancy.Tenant
	broken []tenancy.ID
	read   bool
}

// registry reads all records.
func (e *examination) registry(ctx context.Context) (*Check, error) {
	check := &Check{}
	for t, err := range e.All(ctx) {
		switch {
		case err != nil && t.ID == "":
			return nil, err
		case err != nil:
			e.broken = append(e.broken, t.ID)
			check.add(Problem, e.unreadable(ctx, t.ID, err).Error())
		default:
			e.all = append(e.all, t)
		}
	}
	e.read = true
	e.withoutKey(check)
	counts := map[tenancy.Status]int{}
	for _, t := range e.all {
		counts[t.Status]++
	}
	check.Note = plural(len(e.all)+len(e.broken), "tenant")
	for _, status := range tenancy.Statuses() {
		if counts[status] > 0 {
			check.Note += fmt.Sprintf(", %d %s", counts[status], status)
		}
	}
	return check, nil
}

// unreadable is why a record cannot be read, of which a list says nothing.
func (e *examination) unreadable(ctx context.Context, id tenancy.ID, listed error) error {
	_, err := e.Tenants.ByID(ctx, id)
	return e.Explain(ctx, cmp.Or(err, listed))
}

// withoutKey names the tenants whose database URL nobody here can read.
func (e *examination) withoutKey(check *Check) {
	n, first := 0, tenancy.Tenant{}
	for _, t := range e.all {
		if encrypted(t) {
			if n++; n == 1 {
				first = t
			}
		}
	}
	if n > 0 {
		check.add(Problem, fmt.Sprintf("the database URL of %s, such as %s, is encrypted, so that their databases were not looked at: set TENANCY_ENCRYPTION_KEY", plural(n, "tenant"), first))
	}
}

// encrypted reports whether the key is missing that the tenant's database URL is under.
func encrypted(t tenancy.Tenant) bool { return crypt.Encrypted(t.Placement.DatabaseURL.Reveal()) }

// errUnread is why what needs the registry could not be found out.
var errUnread = errors.New("the registry could not be read")

// provisioning looks for tenants that are stuck.
func (e *examination) provisioning(context.Context) (*Check, error) {
	if !e.read {
		return nil, errUnread
	}
	check := &Check{}
	for _, t := range e.all {
		if since := time.Since(t.UpdatedAt); t.Status == tenancy.StatusProvisioning && since >= e.config.StuckAfter {
			check.add(Problem, fmt.Sprintf("%s has been provisioning since %s: tenancy tenant resume %s", t, t.UpdatedAt.UTC().Format(time.RFC3339), t.Identifier))
		}
	}
	return check, nil
}

// mostNamed is how many tenants a check names.
const mostNamed = 20

// addSome names some of what was found, in order.
func (c *Check) addSome(severity Severity, messages []string) {
	slices.Sort(messages)
	for i, message := range messages {
		if i == mostNamed {
			c.add(severity, fmt.Sprintf("and %d more: tenancy migrate status", len(messages)-mostNamed))
			return
		}
		c.add(severity, message)
	}
}

// migrations looks for tenants that are behind, or ahead of the directory.
func (e *examination) migrations(ctx context.Context) (*Check, error) {
	if e.Config.NoMigrations() {
		return skipped("there is no directory " + e.Config.Migrations.Dir)
	}
	runner, err := e.Runner(migrate.Config{})
	if err != nil {
		return nil, err
	}
	check := &Check{}
	current, behind := 0, 0
	var messages, ahead []string
	for s, err := range runner.Status(ctx) {
		name := "the home"
		if s.Tenant.ID != "" {
			name = s.Tenant.String()
		}
		switch {
		case err != nil:
			return nil, err
		case s.Err != nil:
			messages = append(messages, name+": "+s.Err.Error())
		case s.Pending > 0:
			behind++
			messages = append(messages, name+" is behind by "+plural(s.Pending, "file"))
		default:
			current++
			if s.Ahead {
				ahead = append(ahead, name+" is ahead: the directory does not have its version "+s.Version)
			}
		}
	}
	check.addSome(Problem, messages)
	check.addSome(Hint, ahead)
	check.Note = fmt.Sprintf("%d up to date, %d behind, %d with an error", current, behind, len(messages)-behind)
	return check, nil
}
