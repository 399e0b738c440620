package migrate

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"sync"

	"github.com/entenancy/tenancy"
)

// Plan is what Apply would do: tenants in the same state together.
type Plan struct {
	Groups []Group
}

// Group is the tenants for which the same has to be done.
type Group struct {
	// From and To are versions, empty for none.
	From, To string
	// Tenants are in the order of their IDs. The home's own tables are the empty ID.
	Tenants []tenancy.ID
	// Files are those that would be applied, from the first statement that was not.
	Files []PlannedFile
	// Err is why nothing can be done, such as [ErrEdited] and [ErrDirty].
	Err error
}

// PlannedFile is a file that would be applied.
type PlannedFile struct {
	Name       string
	Statements []string
	// Alone says that it is outside of transactions.
	Alone bool
}

// WriteTo prints each group, with its statements as SQL and the rest as comments.
func (p *Plan) WriteTo(w io.Writer) (int64, error) {
	var b strings.Builder
	for _, g := range p.Groups {
		fmt.Fprintf(&b, "-- %d from version %s to %s: %s\n", len(g.Tenants), cmp.Or(g.From, "none"), cmp.Or(g.To, "none"), g.names())
		if g.Err != nil {
			fmt.Fprintf(&b, "-- cannot be applied: %v\n", strings.ReplaceAll(g.Err.Error(), "\n", " "))
		}
		for _, f := range g.Files {
			fmt.Fprintf(&b, "-- %s\n", f.Name)
			for _, statement := range f.Statements {
				b.WriteString(terminated(statement) + "\n")
			}
		}
		b.WriteString("\n")
	}
	n, err := io.WriteString(w, b.String())
	return int64(n), err
}

// terminated is a statement with its semicolon, which is not to be part of a comment at its end.
func terminated(statement string) string {
	statement = strings.TrimSuffix(statement, ";")
	if line := statement[strings.LastIndex(statement, "\n")+1:]; strings.Contains(line, "--") || strings.Contains(line, "#") {
		return statement + "\n;"
	}
	return statement + ";"
}

// names are the first few of a group.
func (g Group) names() string {
	names := make([]string, 0, 6)
	for i, id := range g.Tenants {
		if i == 5 {
			names = append(names, "...")
			break
		}
		names = append(names, cmp.Or(string(id), "the home"))
	}
	return strings.Join(names, ", ")
}

// Status is how far one tenant is.
type Status struct {
	// Tenant is zero for the home's own tables.
	Tenant tenancy.Tenant
	// Version is the last that was applied, empty for none.
	Version string
	// Pending is how many files are not applied, or not to their end.
	Pending int
	// Ahead says that nothing is pending, and that the directory does not have Version: that
	// of a newer program has it, or a branch that was not merged.
	Ahead bool
	// Err is why they cannot be, or why the state is not known.
	Err error

	plan *plan
}

// Plan tells what Apply would do, and changes nothing. A tenant whose state cannot
// be told is in a group with the error. It keeps all IDs in memory.
func (r *Runner) Plan(ctx context.Context) (*Plan, error) {
	groups := map[string]*Group{}
	for status, err := range r.Status(ctx) {
		if err != nil {
			return nil, err
		}
		group := groupOf(status)
		key := fmt.Sprint(group.From, "\x00", group.To, "\x00", group.Err, "\x00", group.Files)
		if groups[key] == nil {
			groups[key] = &group
		}
		groups[key].Tenants = append(groups[key].Tenants, status.Tenant.ID)
	}
	made := &Plan{}
	for _, group := range groups {
		slices.Sort(group.Tenants)
		made.Groups = append(made.Groups, *group)
	}
	slices.SortFunc(made.Groups, func(a, b Group) int {
		return cmp.Or(strings.Compare(a.From, b.From), strings.Compare(a.To, b.To), cmp.Compare(a.Tenants[0], b.Tenants[0]))
	})
	return made, nil
}

func groupOf(s Status) Group {
	group := Group{From: s.Version, To: s.Version, Err: s.Err}
	if s.plan == nil {
		return group
	}
	group.To = s.plan.to()
	for _, f := range s.plan.files {
		planned := PlannedFile{Name: f.Name(), Alone: f.alone}
		for _, statement := range f.statements[f.applied:] {
			planned.Statements = append(planned.Statements, statement.text)
		}
		group.Files = append(group.Files, planned)
	}
	return group
}

// Status goes through the home and all tenants and tells how far each is. The
// order is not certain. It holds a page of tenants in memory at a time. An error
// is the last that comes.
func (r *Runner) Status(ctx context.Context) iter.Seq2[Status, error] {
	return func(yield func(Status, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		found, ended := make(chan Status), make(chan error, 1)
		go func() {
			ended <- r.statuses(ctx, found)
			close(found)
		}()
		for status := range found {
			if !yield(status, nil) {
				cancel()
				for range found { // until those who are at work have ended
				}
				return
			}
		}
		if err := <-ended; err != nil {
			yield(Status{}, err)
		}
	}
}

func (r *Runner) statuses(ctx context.Context, found chan<- Status) error {
	tell := func(s Status) {
		select {
		case found <- s:
		case <-ctx.Done():
		}
	}
	home := func() { tell(r.statusOf(ctx, r.home(), nil)) }
	var once sync.Once
	shared := func() { once.Do(home) }
	if r.config.Shared != nil {
		home()
		shared = func() {}
	}
	w := &walk{
		Runner: r,
		match:  func(tenancy.Tenant) bool { return true },
		broken: func(t tenancy.Tenant, err error) { tell(Status{Tenant: t, Err: err}) },
		shared: shared,
		settle: func(ctx context.Context, p *place, s *state) bool {
			tell(r.statusOf(ctx, p, s))
			return true
		},
		work:  func(ctx context.Context, p *place, s *state) { tell(r.statusOf(ctx, p, s)) },
		width: r.config.Concurrency,
	}
	if err := w.run(ctx); err != nil {
		return err
	}
	return context.Cause(ctx)
}

// statusOf tells how far a place is, whose state may have been read before.
func (r *Runner) statusOf(ctx context.Context, p *place, s *state) Status {
	status := Status{Tenant: p.tenant}
	s, made, err := r.next(ctx, p, s)
	if r.engine.missing(err) {
		err = fmt.Errorf("migrate: %w: its schema or database is not there", tenancy.ErrNotProvisioned)
	}
	if s != nil {
		status.Version = s.version
	}
	if status.Err = err; err == nil {
		status.Pending, status.plan = len(made.files), made
		status.Ahead = status.Pending == 0 && p.directory.lacks(s.version)
	}
	return status
}
