package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/cmd/tenancy/internal/app"
	"github.com/entenancy/tenancy/cmd/tenancy/internal/output"
	"github.com/entenancy/tenancy/registry"
)

// moment is how a time is shown.
const moment = "2006-01-02 15:04:05Z"

func (t *tool) listCommand() *cobra.Command {
	var query registry.Query
	var all, newest bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List tenants, in the order of their ids",
		Args:  usageArgs(cobra.NoArgs),
		RunE: t.onApp(func(ctx context.Context, a *app.App, _ []string) error {
			if newest {
				query.Order = registry.OrderNewest
			}
			if err := cmp.Or(query.Validate(), validLimit(query.Limit)); err != nil {
				return usage(err)
			}
			return t.list(ctx, a, query, all)
		}),
	}
	flags := cmd.Flags()
	flags.StringVar((*string)(&query.Status), "status", "", "only those with this status: "+joined(tenancy.Statuses()))
	flags.StringVar(&query.Plan, "plan", "", "only those with this plan")
	flags.StringVar((*string)(&query.Isolation), "only-isolation", "", "only those whose record has this isolation: "+joined(tenancy.Isolations()))
	flags.IntVar(&query.Limit, "limit", registry.DefaultLimit, "how many, up to "+strconv.Itoa(registry.MaxLimit))
	flags.StringVar((*string)(&query.After), "after", "", "go on after the page that gave this cursor")
	flags.BoolVar(&all, "all", false, "all pages")
	flags.BoolVar(&newest, "newest", false, "the newest first")
	return cmd
}

// validLimit refuses what the registry would take for its own limit.
func validLimit(limit int) error {
	if limit < 1 || limit > registry.MaxLimit {
		return fmt.Errorf("--limit is from 1 to %d", registry.MaxLimit)
	}
	return nil
}

// list shows one page of tenants, or all of them a page at a time.
func (t *tool) list(ctx context.Context, a *app.App, query registry.Query, all bool) error {
	for {
		page, err := a.Tenants.List(ctx, query)
		if err != nil {
			return err
		}
		if err := t.showPage(page); err != nil {
			return err
		}
		if page.Next == "" {
			return nil
		}
		if !all {
			return t.print.Emit("next", map[string]any{"after": page.Next}, "there are more: --after "+string(page.Next)+", or --all")
		}
		query.After = page.Next
	}
}

// showPage shows tenants, and which records could not be read.
func (t *tool) showPage(page registry.Page) error {
	table := t.tenantTable()
	for _, tenant := range page.Tenants {
		if err := addTenant(table, tenant); err != nil {
			return err
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, id := range page.Invalid {
		text := "the record of " + string(id) + " is broken: tenancy tenant show --id " + string(id)
		if err := t.print.Emit("broken", map[string]any{"id": id}, text); err != nil {
			return err
		}
	}
	return nil
}

func (t *tool) tenantTable() *output.Table {
	return t.print.Table("tenant", "IDENTIFIER", "STATUS", "ISOLATION", "PLAN", "CREATED", "ID", "NAME")
}

func addTenant(table *output.Table, tenant tenancy.Tenant) error {
	return table.Row(tenant, tenant.Identifier, string(tenant.Status), orDash(string(tenant.Isolation)), orDash(tenant.Plan),
		tenant.CreatedAt.UTC().Format(time.DateOnly), string(tenant.ID), tenant.Name)
}

func (t *tool) searchCommand() *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:   "search TEXT",
		Short: "Find tenants by a part of their identifier or name",
		Args:  usageArgs(cobra.ExactArgs(1)),
		RunE: t.onApp(func(ctx context.Context, a *app.App, args []string) error {
			if err := validLimit(limit); err != nil {
				return usage(err)
			}
			page, err := a.Tenants.Search(ctx, args[0], limit)
			if err != nil {
				return err
			}
			return t.showPage(page)
		}),
	}
	cmd.Flags().IntVar(&limit, "limit", registry.DefaultLimit, "how many, the best first")
	return cmd
}

func (t *tool) showCommand() *cobra.Command {
	return t.oneTenant(&cobra.Command{Use: "show", Short: "Show all of a tenant's record but its secrets"},
		func(_ context.Context, _ *app.App, tenant tenancy.Tenant) error {
			return t.showTenant(tenant)
		})
}

// showTenant shows a record, a field a line.
func (t *tool) showTenant(tenant tenancy.Tenant) error {
	if t.json {
		return t.print.Emit("tenant", tenant, "")
	}
	metadata, err := metadataOf(tenant)
	if err != nil {
		return err
	}
	for _, field := range []struct{ name, value string }{
		{"identifier", tenant.Identifier},
		{"id", string(tenant.ID)},
		{"name", tenant.Name},
		{"status", string(tenant.Status)},
		{"isolation", cmp.Or(string(tenant.Isolation), "the default")},
		{"schema", tenant.Placement.Schema},
		{"database", tenant.Placement.DatabaseURL.String()},
		{"plan", tenant.Plan},
		{"version", strconv.FormatInt(tenant.Version, 10)},
		{"created", at(tenant.CreatedAt)},
		{"updated", at(tenant.UpdatedAt)},
		{"deleted", at(tenant.DeletedAt)},
		{"metadata", metadata},
	} {
		if field.value == "" {
			continue
		}
		if err := t.print.Text("%-12s%s", field.name, field.value); err != nil {
			return err
		}
	}
	return nil
}

// metadataOf returns a tenant's metadata as JSON, its secrets redacted as
// wherever a tenant is shown.
func metadataOf(tenant tenancy.Tenant) (string, error) {
	text, err := json.Marshal(tenant)
	if err != nil {
		return "", err
	}
	var shown struct{ Metadata json.RawMessage }
	err = json.Unmarshal(text, &shown)
	return string(shown.Metadata), err
}

func at(when time.Time) string {
	if when.IsZero() {
		return ""
	}
	return when.UTC().Format(moment)
}

func orDash(s string) string { return cmp.Or(s, "-") }

// joined lists texts of any kind.
func joined[T ~string](all []T) string {
	texts := make([]string, len(all))
	for i, one := range all {
		texts[i] = string(one)
	}
	return strings.Join(texts, ", ")
}

// tenantName is what a tenant is called in a line of text.
func tenantName(tenant tenancy.Tenant) string {
	return cmp.Or(tenant.Identifier, string(tenant.ID), "the home")
}
