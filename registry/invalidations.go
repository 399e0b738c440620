package registry

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"time"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/internal/pause"
)

// Invalidations is how the processes that share a registry tell each other
// what has changed. [RedisInvalidations] and [PostgresInvalidations] are two;
// whatever carries a short text to all processes can be a third.
type Invalidations interface {
	// Publish tells all who listen, and may tell the one who publishes too. It
	// is safe for concurrent use.
	Publish(ctx context.Context, inv Invalidation) error

	// Listen calls handle with each invalidation that is published, one at a
	// time, until the context is over. It connects again when it has to, and
	// each time that it listens anew, the first time too, it calls handle
	// with All: what was published before may have been missed.
	Listen(ctx context.Context, handle func(Invalidation))
}

// Invalidation says which tenants have changed. It is encoded as JSON.
type Invalidation struct {
	// IDs are the tenants.
	IDs []tenancy.ID `json:"ids,omitempty"`
	// Identifiers are those that have found another tenant, or none, before.
	Identifiers []string `json:"identifiers,omitempty"`
	// All is set if any tenant may have changed.
	All bool `json:"all,omitempty"`
	// Origin is the cache that published it, which has heard of it already.
	Origin string `json:"origin,omitempty"`
}

// concerns reports whether the tenant with the id may have changed, or whose
// the identifier is.
func (inv Invalidation) concerns(about subject) bool {
	return inv.All || slices.Contains(inv.IDs, about.id) || slices.Contains(inv.Identifiers, about.identifier)
}

// maxNamed is how many ids and identifiers an invalidation has before All is
// shorter.
const maxNamed = 10_000

// and returns an invalidation of what either one is about.
func (inv Invalidation) and(other Invalidation) Invalidation {
	inv.All = inv.All || other.All || inv.named()+other.named() > maxNamed
	if inv.All {
		inv.IDs, inv.Identifiers = nil, nil
		return inv
	}
	inv.IDs = slices.Concat(inv.IDs, other.IDs)
	inv.Identifiers = slices.Concat(inv.Identifiers, other.Identifiers)
	return inv
}

func (inv Invalidation) named() int { return len(inv.IDs) + len(inv.Identifiers) }

// texts returns the invalidation in texts of at most limit bytes, in which a
// single tenant has to fit.
func (inv Invalidation) texts(limit int) ([]string, error) {
	text, err := json.Marshal(inv)
	if err != nil {
		return nil, err
	}
	ids, names := len(inv.IDs)/2, len(inv.Identifiers)/2
	if len(text) <= limit || ids+names == 0 {
		return []string{string(text)}, nil
	}
	var all []string
	for _, half := range []Invalidation{
		{IDs: inv.IDs[:ids], Identifiers: inv.Identifiers[:names], Origin: inv.Origin},
		{IDs: inv.IDs[ids:], Identifiers: inv.Identifiers[names:], Origin: inv.Origin},
	} {
		texts, err := half.texts(limit)
		if err != nil {
			return nil, err
		}
		all = append(all, texts...)
	}
	return all, nil
}

// parseInvalidation reads what texts wrote. A text that it cannot read may be
// about any tenant.
func parseInvalidation(text string) Invalidation {
	var inv Invalidation
	if json.Unmarshal([]byte(text), &inv) != nil {
		return Invalidation{All: true}
	}
	return inv
}

const (
	firstWait = 50 * time.Millisecond
	maxWait   = time.Second // what is missed in an outage is served until the cache is flushed

	// heartbeat is how long a listener believes in a silent connection before
	// it asks, and how long it waits for the answer.
	heartbeat = 5 * time.Second
)

// keepListening calls listen until the context is over, and logs each outage
// once. Listen calls connected when it listens, and returns when it cannot.
func keepListening(ctx context.Context, log *slog.Logger, listen func(connected func()) error) {
	wait, down := firstWait, false
	for {
		err := listen(func() {
			if down {
				log.InfoContext(ctx, "tenancy: registry: invalidations of other processes arrive again")
			}
			wait, down = firstWait, false
		})
		if ctx.Err() != nil {
			return
		}
		if !down {
			down = true
			log.WarnContext(ctx, "tenancy: registry: invalidations of other processes do not arrive: what they change is served until it expires", slog.Any("error", err))
		}
		if pause.For(ctx, wait) != nil {
			return
		}
		wait = min(2*wait, maxWait)
	}
}
