package migrate_test

import (
	"errors"
	"strings"
	"testing"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/migrate"
)

// checkpointed are steps with a checkpoint of the first two after them.
func checkpointed(versions ...string) files {
	all := steps(versions...)
	all["3_checkpoint.sql"] = "-- atlas:checkpoint\n\nCREATE TABLE notes (id int PRIMARY KEY, c2 int);\n"
	return all
}

// TestCheckpoint has tenants from before a checkpoint and after it, on each database.
func TestCheckpoint(t *testing.T) {
	t.Parallel()
	for _, start := range []func(testing.TB, int) *fleet{newPostgres, newMariaDB, newLite} {
		f := start(t, 3)
		t.Run(f.dialect, func(t *testing.T) {
			t.Parallel()
			to := func(version string, all files) *migrate.Runner {
				return f.runner(directory(t, f.dialect, all), func(c *migrate.Config) {
					c.ToVersion = version
					if f.dialect == dialect.SQLite {
						c.Open = openLite
					}
				})
			}
			before, after, empty := f.tenants[0], f.tenants[1], f.tenants[2]
			f.forget(empty.ID)
			if _, err := to("", steps("1", "2")).ApplyTo(t.Context(), before); err != nil {
				t.Fatal(err)
			}

			last := checkpointed("1", "2")
			report, failed := failures(t, to("2", last))
			wantReport(t, report, 0, 1, 1, 0)
			if err := failed[after.ID].Err; err == nil || !strings.Contains(err.Error(), "before the checkpoint 3_checkpoint.sql") {
				t.Errorf("a new place up to what is before the checkpoint: %v", err)
			}
			wantReport(t, apply(t, to("3", last)), 1, 1, 0, 0)
			wantReport(t, apply(t, to("", last)), 0, 2, 0, 0)
			if got := f.versions(to("", last)); got != "2+0 3+0" {
				t.Errorf("they are at %q", got)
			}
			for _, version := range []string{"", "1", "2", "3"} {
				ready := requires(t, to("", last), version)
				if err := errors.Join(ready(t.Context(), before), ready(t.Context(), after)); err != nil {
					t.Errorf("to require %q: %v", version, err)
				}
				if err := ready(t.Context(), empty); !errors.Is(err, tenancy.ErrBehind) {
					t.Errorf("to require %q of a place that has nothing: %v", version, err)
				}
			}
			f.wantNoDrift(to("", last), 2)

			beyond := checkpointed("1", "2", "4")
			for _, tenant := range []tenancy.Tenant{before, after} {
				if err := requires(t, to("", beyond), "")(t.Context(), tenant); !errors.Is(err, tenancy.ErrBehind) {
					t.Errorf("a file after the checkpoint: %v", err)
				}
			}
			wantReport(t, apply(t, to("", beyond)), 2, 0, 0, 0)
			if got := f.versions(to("", beyond)); got != "4+0 4+0" {
				t.Errorf("in the end they are at %q", got)
			}
			f.wantNoDrift(to("", beyond), 2)
		})
	}
}

// TestCheckpointThatHistoryIsCutAt has a place from before files that were taken away: what they made would never get to it.
func TestCheckpointThatHistoryIsCutAt(t *testing.T) {
	t.Parallel()
	for _, start := range []func(testing.TB, int) *fleet{newPostgres, newMariaDB, newLite} {
		f := start(t, 2)
		t.Run(f.dialect, func(t *testing.T) {
			t.Parallel()
			over := func(all files) *migrate.Runner {
				return f.runner(directory(t, f.dialect, all), func(c *migrate.Config) {
					if f.dialect == dialect.SQLite {
						c.Open = openLite
					}
				})
			}
			old, all := f.tenants[0], checkpointed("1", "2", "4")
			if _, err := over(steps("1")).ApplyTo(t.Context(), old); err != nil {
				t.Fatal(err)
			}
			only := files{"3_checkpoint.sql": all["3_checkpoint.sql"]}
			cut := files{"3_checkpoint.sql": all["3_checkpoint.sql"], "4_step.sql": all["4_step.sql"]}
			for name, left := range map[string]files{"the checkpoint alone": only, "and a file behind it": cut} {
				_, err := over(left).ApplyTo(t.Context(), old)
				if !errors.Is(err, migrate.ErrMissingFile) || !strings.Contains(err.Error(), "3_checkpoint.sql") {
					t.Errorf("%s: got %v", name, err)
				}
			}
			if _, err := over(cut).ApplyTo(t.Context(), f.tenants[1]); err != nil {
				t.Errorf("a place that has nothing: %v", err)
			}
			f.forget(f.tenants[1].ID) // whose history begins elsewhere
			wantReport(t, apply(t, over(all)), 1, 0, 0, 0)
			if got := f.versions(over(all)); got != "4+0" {
				t.Errorf("with the files again they are at %q", got)
			}
		})
	}
}

// wantNoDrift compares so many places, where that can be.
func (f *fleet) wantNoDrift(r *migrate.Runner, places int) {
	f.t.Helper()
	if f.dialect != dialect.Postgres {
		return
	}
	report, err := r.Drift(f.t.Context())
	if err != nil || report.Checked != places || report.Behind != 0 || len(report.Drifts) > 0 {
		f.t.Errorf("got %+v, %v", report, err)
	}
}
