package manager

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/manager/namespace"
)

// SparesConfig says how many namespaces are kept ready, made and migrated, so that
// a sign-up only has to take one.
type SparesConfig struct {
	// Count is how many there should be, by isolation. On SQLite one is enough,
	// since it is copied. With 0, those that there are go when they are stale, and
	// sign-ups take them until then; an isolation that is not named is left alone.
	// Defaults to none.
	Count map[tenancy.Isolation]int
	// Interval is how often [Lifecycle.KeepSpares] looks, beside whenever this
	// process has taken one. Defaults to a minute.
	Interval time.Duration
}

func (c *SparesConfig) validate(keepers map[tenancy.Isolation]namespace.Keeper) error {
	if c.Interval < 0 {
		return errors.New("manager: LifecycleConfig.Spares.Interval is negative")
	}
	for isolation, count := range c.Count {
		_, ok := keepers[isolation].(namespace.Spares)
		switch {
		case count < 0:
			return fmt.Errorf("manager: LifecycleConfig.Spares.Count[%q] is negative", isolation)
		case !ok && count > 0:
			return fmt.Errorf("manager: LifecycleConfig.Spares.Count[%q]: there is no keeper in Namespaces that keeps spares", isolation)
		}
	}
	if c.Interval == 0 {
		c.Interval = time.Minute
	}
	return nil
}

// spareVersion names what the tables of a spare have to be at to be taken.
func (l *Lifecycle) spareVersion() string {
	if l.config.Migrations == nil {
		return ""
	}
	return l.config.Migrations.Directory().Sum()
}

// spareTaken wakes KeepSpares.
func (l *Lifecycle) spareTaken() {
	select {
	case l.taken <- struct{}{}:
	default: // it knows already
	}
}

// KeepSpares fills up the spares until ctx is over, which is when it returns. It
// is for a goroutine of its own; several processes may run it. What goes wrong is
// logged and tried again.
func (l *Lifecycle) KeepSpares(ctx context.Context) {
	tick := time.NewTicker(l.config.Spares.Interval)
	defer tick.Stop()
	for ctx.Err() == nil {
		if err := l.FillSpares(ctx); err != nil && ctx.Err() == nil {
			l.config.Logger.ErrorContext(ctx, "manager: spare namespaces could not be made", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		case <-l.taken:
		}
	}
}

// FillSpares brings the spares that there are up to date with the migrations, and
// makes those that are lacking. A spare that cannot be migrated is dropped. It
// waits for other processes that do the same.
func (l *Lifecycle) FillSpares(ctx context.Context) error {
	return l.fillAll(ctx, l.config.Spares.Count)
}

// dropStaleSpares drops what is stale of those that are not kept any more.
func (l *Lifecycle) dropStaleSpares(ctx context.Context) error {
	none := map[tenancy.Isolation]int{}
	for isolation := range l.config.Namespaces {
		if l.config.Spares.Count[isolation] == 0 {
			none[isolation] = 0
		}
	}
	return l.fillAll(ctx, none)
}

func (l *Lifecycle) fillAll(ctx context.Context, counts map[tenancy.Isolation]int) error {
	var failures []error
	for isolation, count := range counts {
		spares, ok := l.config.Namespaces[isolation].(namespace.Spares)
		if !ok {
			continue
		}
		if err := l.fill(ctx, spares, count); err != nil {
			failures = append(failures, fmt.Errorf("manager: spares for isolation %q: %w", isolation, err))
		}
	}
	return errors.Join(failures...)
}

func (l *Lifecycle) fill(ctx context.Context, spares namespace.Spares, count int) error {
	unlock, err := l.config.Lock(ctx, "tenancy_warm") // one for all: on SQLite, spares are of both isolations
	if err != nil {
		return err
	}
	defer unlock()
	all, err := spares.List(ctx)
	if err != nil {
		return err
	}
	version := l.spareVersion()
	// Those that are ready count first: it is the others that are too many.
	slices.SortStableFunc(all, func(a, b namespace.Spare) int { return order(a.Version == version, b.Version == version) })
	ready := 0
	for _, spare := range all {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		switch {
		case spare.Version == version:
			ready++
		case ready >= count:
			if err := discard(ctx, spares, spare.Tenant); err != nil {
				return err
			}
		case l.prepare(ctx, spares, spare.Tenant, version) == nil:
			ready++
		case ctx.Err() == nil:
			if err := discard(ctx, spares, spare.Tenant); err != nil {
				return err
			}
		}
	}
	for ; ready < count; ready++ {
		spare, err := spares.Spare(ctx)
		if err != nil {
			return err
		}
		if err := l.prepare(ctx, spares, spare, version); err != nil {
			return errors.Join(err, discard(context.WithoutCancel(ctx), spares, spare))
		}
	}
	return nil
}

// order puts what is true first.
func order(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	default:
		return 1
	}
}

// prepare migrates a spare, which nobody gets meanwhile, and makes it ready.
func (l *Lifecycle) prepare(ctx context.Context, spares namespace.Spares, spare tenancy.Tenant, version string) error {
	if err := spares.Ready(ctx, spare, ""); err != nil {
		return err
	}
	if _, err := l.config.Migrations.ApplyTo(ctx, spare); err != nil {
		return err
	}
	return spares.Ready(ctx, spare, version)
}

// discard drops a spare, unless somebody has got it.
func discard(ctx context.Context, spares namespace.Spares, spare tenancy.Tenant) error {
	if err := spares.Discard(ctx, spare); !errors.Is(err, tenancy.ErrNotFound) {
		return err
	}
	return nil
}
