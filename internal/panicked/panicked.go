// Package panicked makes errors of the panics of an application's own code. It is for
// goroutines in which none of the application's handlers can recover: there a panic
// would end the program.
package panicked

import (
	"fmt"
	"runtime"
)

// As is to be deferred. It ends a panic and puts an error in its place, which says
// who panicked. A panic with anything but a runtime error is told by its type alone:
// it might be of a text that holds a secret.
func As(err *error, who string) {
	switch cause := recover().(type) {
	case nil:
	case runtime.Error:
		*err = fmt.Errorf("%s panicked: %w", who, cause)
	default:
		*err = fmt.Errorf("%s panicked with a %T", who, cause)
	}
}
