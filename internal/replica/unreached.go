package replica

import (
	"errors"
	"net"
)

// unreached is why there is no connection.
type unreached struct{ error }

func (u unreached) Unwrap() error { return u.error }

// Unreached marks the error of a connector, which has nothing to do with the statement
// that wanted the connection: nothing was sent.
func Unreached(err error) error {
	if err == nil {
		return nil
	}
	return unreached{err}
}

// IsUnreached reports whether an error is marked, or is the network's of a dial. Any
// other may be of a statement that was sent.
func IsUnreached(err error) bool {
	var marked unreached
	var network *net.OpError
	return errors.As(err, &marked) || errors.As(err, &network) && network.Op == "dial"
}
