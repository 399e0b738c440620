package migrate

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// On PostgreSQL the tenants' transactions of a run do not wait for the server's disk,
// or for its replicas: on a slow disk that is most of what a short migration takes.
// One that waits stands for all that were committed before it, so what was applied is
// told after such a one. See "Asynchronous Commit" in PostgreSQL's manual.
const (
	confirmAtOnce = 100                   // results
	confirmAfter  = 50 * time.Millisecond // if there are fewer
)

// confirmer holds back the results of tenants that migrations were applied to.
type confirmer struct {
	run     *run
	engine  asynchronous // nil where there is nothing to confirm
	results chan Result
	wait    sync.WaitGroup
}

func (r *run) confirmer(ctx context.Context) *confirmer {
	c := &confirmer{run: r, results: make(chan Result, confirmAtOnce)}
	c.engine, _ = r.engine.(asynchronous)
	c.wait.Go(func() {
		for first := range c.results {
			c.confirm(ctx, c.gather(first))
		}
	})
	return c
}

// isFor reports whether transactions at a place can be confirmed later.
func (c *confirmer) isFor(p *place) bool { return c.engine != nil && !p.own }

// finish is run.finish, when it is sure.
func (c *confirmer) finish(result Result) {
	c.run.hold(1)
	c.results <- result
}

// close returns when all are sure.
func (c *confirmer) close() {
	close(c.results)
	c.wait.Wait()
}

func (c *confirmer) gather(first Result) []Result {
	batch := []Result{first}
	over := time.NewTimer(confirmAfter)
	defer over.Stop()
	for len(batch) < confirmAtOnce {
		select {
		case result, ok := <-c.results:
			if !ok {
				return batch
			}
			batch = append(batch, result)
		case <-over.C:
			return batch
		}
	}
	return batch
}

// confirm tells results. Where the server may have lost what they are about, the
// tenants are gone to again.
func (c *confirmer) confirm(ctx context.Context, batch []Result) {
	r := c.run
	err := c.engine.confirm(context.WithoutCancel(ctx), r.config.Home, r.guard)
	if err != nil {
		err = fmt.Errorf("%w: %w", ErrUnconfirmed, err)
		r.guardAgain(ctx)
	}
	for _, result := range batch {
		if err != nil {
			result = result.failed(err)
		}
		r.finish(ctx, result)
	}
	r.hold(-len(batch))
}

// guardAgain is for when the guard was lost with the server. Until it is there
// again, nothing can be confirmed.
func (r *run) guardAgain(ctx context.Context) {
	r.guard.release()
	again, err := r.engine.guard(context.WithoutCancel(ctx), r.config.Home)
	if err != nil {
		r.config.Logger.WarnContext(ctx, "migrate: keeping the Atlas CLI out again", "error", withoutConfig(err))
		return
	}
	r.guard = again
}

// hold counts the results that are held back.
func (r *run) hold(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held += n
}

// comesAgain reports whether a tenant is gone to again for what became of it.
func comesAgain(err error) bool { return errors.Is(err, ErrLocked) || errors.Is(err, ErrUnconfirmed) }
