package registry

import (
	"context"
	"errors"
	"fmt"

	"github.com/entenancy/tenancy"
)

// ReencryptConfig is what Reencrypt can be told. The zero ReencryptConfig works.
type ReencryptConfig struct {
	// Through is the store that changes go through: a cache that stands over
	// the EncryptedStore, so that it forgets what is changed. Defaults to the
	// EncryptedStore itself.
	Through Store
	// After is where to go on: the Next of a call that did not come to its
	// end. Defaults to the start.
	After Cursor
	// PageSize is how many tenants are read at once. Defaults to DefaultLimit;
	// more than MaxLimit is taken as MaxLimit.
	PageSize int
	// Progress is called after each page, by the goroutine that called
	// Reencrypt. Defaults to none.
	Progress func(ReencryptProgress)
}

// ReencryptProgress says how far a call of Reencrypt has come.
type ReencryptProgress struct {
	// Total is how many tenants the registry had when the call began, also
	// those that After leaves out.
	Total int
	// Seen is how many tenants the call has looked at.
	Seen int
	// Changed is how many of them had a secret that was plaintext or under an
	// older key, and now have none.
	Changed int
	// Broken are those that could not be changed, because their record is
	// broken or a secret cannot be decrypted. ByID says what is wrong.
	Broken []tenancy.ID
	// Next is the After for what is left, to the page. It is empty when all is done.
	Next Cursor
}

// Reencrypt goes through the registry and encrypts with the newest key what is
// under an older one, and what is plaintext. When it returns nil, no secret
// needs an older key any more. Call it when every process writes with the
// newest key; what an old process writes meanwhile may be left as it is.
//
// Each tenant is changed by an Update, so what others change at the same time
// is not lost, and a change of theirs may meet a [tenancy.ErrConflict]. A
// tenant without an old secret is not written. Several calls may run at once.
//
// A call that fails is gone on with from Next, or begun again. Broken tenants
// do not stop it; if there are some it ends with [tenancy.ErrInvalidTenant].
func (s *EncryptedStore) Reencrypt(ctx context.Context, cfg ReencryptConfig) (ReencryptProgress, error) {
	if cfg.Through == nil {
		cfg.Through = s
	}
	if cfg.Progress == nil {
		cfg.Progress = func(ReencryptProgress) {}
	}
	plaintextToo := *s
	plaintextToo.cfg.RefusePlaintext = false
	return plaintextToo.reencrypt(ctx, cfg)
}

func (s *EncryptedStore) reencrypt(ctx context.Context, cfg ReencryptConfig) (p ReencryptProgress, err error) {
	p.Next = cfg.After
	if p.Total, err = s.store.Count(ctx, Query{}); err != nil {
		return p, err
	}
	for more := true; more; more = p.Next != "" {
		page, err := s.store.List(ctx, Query{After: p.Next, Limit: cfg.PageSize})
		if err != nil {
			return p, err
		}
		if err := s.reencryptPage(ctx, cfg.Through, page, &p); err != nil {
			return p, err
		}
		p.Next = page.Next
		cfg.Progress(p)
	}
	if n := len(p.Broken); n > 0 {
		return p, fmt.Errorf("registry: reencrypting: %w: %d tenants are broken, %q the first", tenancy.ErrInvalidTenant, n, p.Broken[0])
	}
	return p, nil
}

func (s *EncryptedStore) reencryptPage(ctx context.Context, through Store, page Page, p *ReencryptProgress) error {
	for _, t := range page.Tenants {
		changed, err := s.reencryptTenant(ctx, through, t)
		switch {
		case isInvalid(err):
			p.Broken = append(p.Broken, t.ID)
		case err != nil:
			return err
		}
		p.Seen++
		if changed {
			p.Changed++
		}
	}
	p.Seen += len(page.Invalid)
	p.Broken = append(p.Broken, page.Invalid...)
	return nil
}

// isInvalid reports whether err is about the record of one tenant.
func isInvalid(err error) bool {
	return errors.Is(err, tenancy.ErrInvalidTenant) || errors.Is(err, tenancy.ErrInvalidIdentifier) || errors.Is(err, tenancy.ErrInvalidID)
}

// maxConflicts is how often a tenant is changed by others while Reencrypt
// tries to, before something else must be wrong.
const maxConflicts = 1000

// reencryptTenant changes t, which comes from the store below.
func (s *EncryptedStore) reencryptTenant(ctx context.Context, through Store, t tenancy.Tenant) (bool, error) {
	for range maxConflicts {
		if s.isCurrent(ctx, t) {
			return false, nil
		}
		opened, err := s.open(ctx, t)
		if err != nil {
			return false, err
		}
		_, err = through.Update(ctx, opened)
		switch {
		case err == nil:
			return true, nil
		case errors.Is(err, tenancy.ErrNotFound): // erased meanwhile
			return false, nil
		case !errors.Is(err, tenancy.ErrConflict):
			return false, err
		}
		t, err = s.store.ByID(ctx, t.ID)
		switch {
		case errors.Is(err, tenancy.ErrNotFound):
			return false, nil
		case err != nil:
			return false, err
		}
	}
	return false, fmt.Errorf("registry: reencrypting tenant %q: %w: %d times in a row", t.ID, tenancy.ErrConflict, maxConflicts)
}
