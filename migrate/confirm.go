package migrate

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/entenancy/tenancy/internal/pgerror"
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

// isFor reports whether transactions at a place can be confirmed later. When one
// was not, the others wait for the disk themselves.
func (c *confirmer) isFor(p *place) bool { return c.engine != nil && !p.own && !c.run.lost.Load() }

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

// confirm tells results. Those that the server may have lost have failed.
func (c *confirmer) confirm(ctx context.Context, batch []Result) {
	err := c.engine.confirm(context.WithoutCancel(ctx), c.run.config.Home, c.run.guard)
	if err != nil {
		c.run.lost.Store(true)
		err = fmt.Errorf("%w: %w", ErrUnconfirmed, pgerror.WithoutConfig(err))
	}
	for _, result := range batch {
		if err != nil {
			result = result.failed(err)
		}
		c.run.hold(-1)
		c.run.finish(ctx, result)
	}
}

// hold counts the results that are held back.
func (r *run) hold(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held += n
}
