package migrate

import (
	"log/slog"
	"time"

	"github.com/entenancy/tenancy"
)

// Outcome says what became of one tenant in a run.
type Outcome string

// The outcomes.
const (
	// Applied: migrations were applied, and the tenant is up to date.
	Applied Outcome = "applied"
	// Unchanged: there was nothing to do.
	Unchanged Outcome = "unchanged"
	// Failed: see Result.Err. The others were gone on with.
	Failed Outcome = "failed"
	// Skipped: the tenant's place is not there, and does not have to be: it was
	// deleted meanwhile, or is being provisioned.
	Skipped Outcome = "skipped"
)

// Result says what became of one tenant.
type Result struct {
	// Tenant is the tenant, with its placement. It is zero for the home's own tables.
	Tenant  tenancy.Tenant
	Outcome Outcome
	// From and To are the versions before and after, empty for none.
	From, To string
	// Err is why it failed. File, Line and Statement say where, if it was in a statement.
	Err       error
	File      string
	Line      int
	Statement string
	// Took is how long the attempt took.
	Took time.Duration
}

// who names whom the result is about.
func (r Result) who() string {
	if r.Tenant.ID == "" {
		return "the home"
	}
	return r.Tenant.String()
}

// after is the result with what an earlier attempt of the same run has applied.
func (r Result) after(before Result) Result {
	if before.From == before.To {
		return r
	}
	if r.From = before.From; r.Outcome == Unchanged {
		r.Outcome = Applied
	}
	return r
}

// LogValue implements [slog.LogValuer].
func (r Result) LogValue() slog.Value {
	attrs := []slog.Attr{slog.String("tenant", string(r.Tenant.ID)), slog.String("outcome", string(r.Outcome)), slog.String("to", r.To)}
	if r.Err != nil {
		attrs = append(attrs, slog.String("error", r.Err.Error()))
	}
	return slog.GroupValue(attrs...)
}

// Report counts the outcomes of a run.
type Report struct {
	Applied, Unchanged, Failed, Skipped int
	// Took is how long the run took.
	Took time.Duration
}

func (r *Report) count(o Outcome) {
	switch o {
	case Applied:
		r.Applied++
	case Unchanged:
		r.Unchanged++
	case Failed:
		r.Failed++
	case Skipped:
		r.Skipped++
	}
}
