package migrate_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/migrate"
)

// steps are three migrations, of which tables get one column each.
func steps(versions ...string) files {
	all := files{}
	for _, version := range versions {
		text := "ALTER TABLE notes ADD COLUMN c" + version + " int;\n"
		if version == "1" {
			text = "CREATE TABLE notes (id int PRIMARY KEY);\n"
		}
		all[version+"_step.sql"] = text
	}
	return all
}

// TestApplyToAVersion goes up to a version that only one of the directories has, and on from there, on each database.
func TestApplyToAVersion(t *testing.T) {
	t.Parallel()
	for _, start := range []func(testing.TB, int) *fleet{newPostgres, newMariaDB, newLite} {
		f := start(t, 3)
		t.Run(f.dialect, func(t *testing.T) {
			t.Parallel()
			tenants, shared := directory(t, f.dialect, steps("1", "2", "3")), directory(t, f.dialect, steps("1", "3", "4"))
			to := func(version string) *migrate.Runner {
				return f.runner(tenants, func(c *migrate.Config) {
					c.Shared, c.ToVersion = shared, version
					c.Waves = []migrate.Wave{{Name: "canary", Match: func(t tenancy.Tenant) bool { return t.ID == f.tenants[1].ID }}}
					if f.dialect == dialect.SQLite {
						c.Open = openLite
					}
				})
			}
			if _, err := to("").ApplyTo(t.Context(), f.tenants[2]); err != nil { // one is beyond it
				t.Fatal(err)
			}

			plan, err := to("2").Plan(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if got := planned(plan); got != " to 1, 1_step.sql; to 2, 1_step.sql, 2_step.sql;3 to 3;" {
				t.Errorf("planned %q", got)
			}
			wantReport(t, apply(t, to("2")), 3, 1, 0, 0)
			wantReport(t, apply(t, to("2")), 0, 4, 0, 0)
			if got := f.versions(to("2")); got != "1+0 2+0 2+0 3+0" {
				t.Errorf("up to 2 they are at %q", got)
			}
			if got := f.versions(to("")); got != "1+2 2+1 2+1 3+0" {
				t.Errorf("altogether they are at %q", got)
			}
			if err := requires(t, to("2"), "")(t.Context(), f.tenants[0]); !errors.Is(err, tenancy.ErrBehind) {
				t.Errorf("what a program requires: %v", err)
			}

			result, err := to("3").ApplyTo(t.Context(), f.tenants[0])
			if err != nil || result.From != "2" || result.To != "3" {
				t.Errorf("got %+v, %v", result, err)
			}
			wantReport(t, apply(t, to("")), 2, 2, 0, 0)
			if got := f.versions(to("")); got != "3+0 3+0 3+0 4+0" {
				t.Errorf("in the end they are at %q", got)
			}
		})
	}
}

// planned is a plan in short, without whose.
func planned(plan *migrate.Plan) string {
	var b strings.Builder
	for _, g := range plan.Groups {
		b.WriteString(g.From + " to " + g.To)
		for _, f := range g.Files {
			b.WriteString(", " + f.Name)
		}
		b.WriteString(";")
	}
	return b.String()
}

// versions are those of all places, with how many files each lacks.
func (f *fleet) versions(r *migrate.Runner) string {
	f.t.Helper()
	var all []string
	for status, err := range r.Status(f.t.Context()) {
		if err != nil || status.Err != nil {
			f.t.Fatal(err, status.Err)
		}
		all = append(all, status.Version+"+"+string(rune('0'+status.Pending)))
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// TestApplyToAVersionThatThereIsNot fails before anything is done.
func TestApplyToAVersionThatThereIsNot(t *testing.T) {
	t.Parallel()
	f := newLite(t, 0)
	for _, shared := range []*migrate.Directory{nil, directory(t, f.dialect, steps("1"))} {
		_, err := migrate.New(migrate.Config{Directory: directory(t, f.dialect, steps("1", "2")), Shared: shared, Home: f.home, ToVersion: "3"})
		if err == nil || !strings.Contains(err.Error(), `migrate: no directory has a version "3": name one of a file in Config.ToVersion`) {
			t.Errorf("got %v", err)
		}
	}
}
