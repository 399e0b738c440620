package manager

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver/mysql"
	"github.com/entenancy/tenancy/driver/postgres"
	"github.com/entenancy/tenancy/internal/pgerror"
)

// replicaInterval is how often a replica is looked at that is not asked yet.
const replicaInterval = 2 * time.Second

// replicaStart is how long Start waits for what a replica answers, which is to keep no
// program from starting, and replicaWatch how long watchReplica does.
const (
	replicaStart = 5 * time.Second
	replicaWatch = time.Minute
)

// replicaLag is how long Start waits for a standby to have what the home had.
const replicaLag = 10 * time.Second

// replayInterval is how often it asks.
const replayInterval = 50 * time.Millisecond

// replica is a read-only copy of the home. It answers nothing before it was verified.
type replica struct {
	url      tenancy.Secret
	db       *sql.DB      // for the tenant of each statement, as Manager.serving
	verified atomic.Int32 // one of the following
}

// What a replica was looked at for.
const (
	unverified         int32 = iota
	verifiedWithoutRLS       // where nobody relies on row-level security
	verifiedWithRLS
)

// answers reports whether queries may go to a replica.
func (m *Manager) answers(i int) bool {
	was := m.replicas[i].verified.Load()
	return was == verifiedWithRLS || was == verifiedWithoutRLS && !m.reliesOnRLSNow()
}

// errLags means that a standby does not show yet what is to be verified.
var errLags = errors.New("it has not replayed yet what the home had when this program started")

// verifyReplicas refuses to serve where a replica would not keep tenants apart as the
// home does, on PostgreSQL by row-level security if that is relied on.
// One that is away or lags behind is left out, until watchReplica has seen that it does.
func (m *Manager) verifyReplicas(ctx context.Context, rls bool) error {
	errs := make([]error, len(m.replicas))
	var all sync.WaitGroup
	for i, r := range m.replicas {
		r.verified.Store(unverified) // since it may be for another reason that it was
		all.Go(func() { errs[i] = m.lookAtReplica(ctx, i, replicaStart, rls) })
	}
	all.Wait()
	var problems []error
	for _, err := range errs {
		switch {
		case isUnsafe(err):
			problems = append(problems, err)
		case err != nil:
			m.app.Logger.WarnContext(ctx, "tenancy: a replica could not be verified, and the home answers in its place until it is", "error", err)
		}
	}
	return errors.Join(problems...)
}

// lookAtReplica says what is wrong with a replica, which is asked from then on if it is
// nothing. Each answer may take as long as the limit says.
func (m *Manager) lookAtReplica(ctx context.Context, i int, limit time.Duration, rls bool) error {
	err := m.verifyReplica(ctx, i, limit, rls)
	found := verifiedWithoutRLS
	switch {
	case err != nil:
		found = unverified
	case rls:
		found = verifiedWithRLS
	}
	m.replicas[i].verified.Store(found)
	return err
}

// watchReplica looks at one while it is left out, until it was verified. Each has
// a goroutine of its own: one that says nothing keeps no other waiting.
func (m *Manager) watchReplica(ctx context.Context, i int) {
	tick := time.NewTicker(replicaInterval)
	defer tick.Stop()
	for said := ""; ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if m.answers(i) { // until a tenant comes for whom it was not looked at
			continue
		}
		err := m.lookAtReplica(ctx, i, replicaWatch, m.reliesOnRLSNow())
		switch {
		case err == nil:
			m.app.Logger.InfoContext(ctx, "tenancy: a replica is verified, and answers from now on", "setting", replicaSetting(i))
		case isUnsafe(err) && err.Error() != said:
			said = err.Error()
			m.app.Logger.ErrorContext(ctx, "tenancy: a replica does not keep tenants apart, and the home answers in its place", "error", err)
		}
	}
}

// verifyReplica looks at one of the replicas, and waits for each answer as long as the
// limit says. Its errors name the setting.
func (m *Manager) verifyReplica(ctx context.Context, i int, limit time.Duration, rls bool) error {
	r := m.replicas[i]
	look := func() error {
		ctx, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		_, err := m.verifyServing(ctx, r.db, r.url, rls) // the hints are the home's
		return err
	}
	err := look()
	if errors.Is(err, postgres.ErrUnsafe) {
		// It may only lack what has just been migrated.
		caughtUp, lags := m.awaitReplay(ctx, r.url)
		if lags != nil {
			err = lags
		} else if caughtUp {
			err = look()
		}
	}
	if err != nil {
		return fmt.Errorf("manager: %s: %w", replicaSetting(i), pgerror.WithoutConfig(err))
	}
	return nil
}

// replicaSetting names one of the addresses of replicas.
func replicaSetting(i int) string {
	return fmt.Sprintf("address %d of %s", i+1, envOf("Database.ReplicaURLs"))
}

func isUnsafe(err error) bool {
	return errors.Is(err, postgres.ErrUnsafe) || errors.Is(err, mysql.ErrUnsafe)
}

// awaitReplay waits for a standby to have replayed what the home has now, and reports
// false where there is nothing to wait for, or nobody can tell. It fails with errLags.
func (m *Manager) awaitReplay(ctx context.Context, address tenancy.Secret) (caughtUp bool, err error) {
	var position string
	if err := m.admin.QueryRowContext(ctx, "SELECT pg_current_wal_lsn()::text").Scan(&position); err != nil {
		return false, nil // a service that is not quite PostgreSQL
	}
	standby, err := postgresDatabases{config: m.config}.serving(address)
	if err != nil {
		return false, err
	}
	defer standby.Close() //nolint:errcheck // nothing was written
	waiting, stop := context.WithTimeoutCause(ctx, replicaLag, errLags)
	defer stop()
	for {
		var follows, replayed bool
		err := standby.QueryRowContext(waiting, "SELECT pg_is_in_recovery(), coalesce(pg_last_wal_replay_lsn() >= CAST($1 AS text)::pg_lsn, false)", position).Scan(&follows, &replayed)
		switch {
		case waiting.Err() != nil:
			return false, context.Cause(waiting)
		case err != nil || !follows:
			return false, nil
		case replayed:
			return true, nil
		}
		select {
		case <-waiting.Done():
		case <-time.After(replayInterval):
		}
	}
}
