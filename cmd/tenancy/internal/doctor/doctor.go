// Package doctor looks for what is wrong with an application's tenants, and
// with the database that keeps them apart.
package doctor

import (
	"context"
	"time"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy/cmd/tenancy/internal/app"
)

// Severity says how bad a finding is.
type Severity string

// The severities.
const (
	// Problem is something that has to be seen to.
	Problem Severity = "problem"
	// Hint is something to know, such as what is slow.
	Hint Severity = "hint"
)

// Finding is one thing that was found.
type Finding struct {
	Severity Severity `json:"severity"`
	Message  string   `json:"message"`
}

// Outcome is what came of a check.
type Outcome string

// The outcomes.
const (
	OK      Outcome = "ok"
	Found   Outcome = "problem"
	Skipped Outcome = "skipped" // it does not apply here
	Failed  Outcome = "failed"  // it could not be found out
)

// Check is one thing that was looked at.
type Check struct {
	Name     string    `json:"name"`
	Outcome  Outcome   `json:"outcome"`
	Note     string    `json:"note,omitempty"` // what was looked at, or why it was not
	Findings []Finding `json:"findings"`
}

// Config is what the doctor can be told.
type Config struct {
	// StuckAfter is for how long a tenant may be provisioning.
	StuckAfter time.Duration
}

// examination is one run.
type examination struct {
	*app.App

	config Config
	tenants
}

// Run makes all checks, and tells each as it is made.
func Run(ctx context.Context, a *app.App, config Config, tell func(Check) error) error {
	e := &examination{App: a, config: config}
	for _, check := range []struct {
		name string
		make func(context.Context) (*Check, error)
	}{
		{"connection", e.connection},
		{"pooler", e.pooler},
		{"registry", e.registry},
		{"isolation", e.isolation},
		{"keys", e.keys},
		{"provisioning", e.provisioning},
		{"migrations", e.migrations},
		{"namespaces", e.namespaces},
		{"rows", e.rows},
	} {
		made, err := check.make(ctx)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			made = &Check{Outcome: Failed, Note: err.Error()}
		}
		made.Name = check.name
		if err := tell(made.concluded()); err != nil {
			return err
		}
		if check.name == "connection" && made.Outcome == Failed {
			break // nothing else can be found out
		}
	}
	return nil
}

// concluded gives a check the outcome that its findings make.
func (c *Check) concluded() Check {
	if c.Findings == nil {
		c.Findings = []Finding{}
	}
	if c.Outcome == "" {
		c.Outcome = OK
	}
	for _, f := range c.Findings {
		if f.Severity == Problem && c.Outcome == OK {
			c.Outcome = Found
		}
	}
	return *c
}

func (c *Check) add(severity Severity, message string) {
	c.Findings = append(c.Findings, Finding{severity, message})
}

func skipped(why string) (*Check, error) { return &Check{Outcome: Skipped, Note: why}, nil }

// connection asks who and what is there.
func (e *examination) connection(ctx context.Context) (*Check, error) {
	query := "SELECT 'SQLite ' || sqlite_version()"
	switch e.Dialect {
	case dialect.Postgres:
		query = "SELECT 'PostgreSQL ' || current_setting('server_version') || ', as ' || current_user || ' in ' || current_database()"
	case dialect.MySQL:
		query = "SELECT CONCAT('MySQL ', VERSION(), ', as ', CURRENT_USER(), ' in ', COALESCE(DATABASE(), 'no database'))"
	}
	var note string
	err := e.Home.QueryRowContext(ctx, query).Scan(&note)
	return &Check{Note: note}, err
}
