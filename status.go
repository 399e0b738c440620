package tenancy

import (
	"fmt"
	"slices"
)

// Status says where a tenant is in its life.
type Status string

// The states of a tenant. Only an active tenant is served.
const (
	// StatusProvisioning is a tenant whose place is still being made.
	StatusProvisioning Status = "provisioning"
	// StatusActive is a tenant that is served.
	StatusActive Status = "active"
	// StatusSuspended is a tenant that is refused until it is activated again.
	StatusSuspended Status = "suspended"
	// StatusDeleted is a tenant that is gone for its users; its data may still exist.
	StatusDeleted Status = "deleted"
)

// Statuses lists every status, in the order of a tenant's life.
func Statuses() []Status {
	return []Status{StatusProvisioning, StatusActive, StatusSuspended, StatusDeleted}
}

// Validate reports whether s is one of the documented states. The error is [ErrInvalidTenant].
func (s Status) Validate() error {
	if slices.Contains(Statuses(), s) {
		return nil
	}
	return fmt.Errorf("%w: unknown status", ErrInvalidTenant)
}

// next returns the states that may follow s. A tenant whose place is made is served,
// or suspended until someone has looked at it. A deleted tenant is restored as
// suspended, so that it is not served again before someone activates it.
func (s Status) next() []Status {
	switch s {
	case StatusProvisioning:
		return []Status{StatusActive, StatusSuspended, StatusDeleted}
	case StatusActive:
		return []Status{StatusSuspended, StatusDeleted}
	case StatusSuspended:
		return []Status{StatusActive, StatusDeleted}
	case StatusDeleted:
		return []Status{StatusSuspended}
	default:
		return nil
	}
}

// CanBecome reports whether a tenant in state s may go to state to. Staying
// where it is is not a transition.
func (s Status) CanBecome(to Status) bool { return slices.Contains(s.next(), to) }

// Transition returns nil where CanBecome is true, [ErrInvalidTenant] where to is no
// state, and otherwise an [ErrInvalidTransition] that names the states that are allowed.
func (s Status) Transition(to Status) error {
	if err := to.Validate(); err != nil {
		return err
	}
	if s.CanBecome(to) {
		return nil
	}
	return fmt.Errorf("%w: from %q to %q; allowed: %q", ErrInvalidTransition, s, to, s.next())
}
