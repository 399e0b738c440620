package servers

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// Own starts private servers for other processes, and returns the environment variables that tell these of them. A kind whose variable is
// set, or that is not installed, is left out, and so is one that does not start, with an error. stop ends them; they end with this process
// too.
func Own(ctx context.Context) (variables []string, stop func(), err error) {
	own := &finder{privateOnly: true}
	for _, k := range []kind{postgres(), mariaDB()} {
		if os.Getenv(k.variable) != "" {
			continue
		}
		address, failed := own.find(ctx, k)
		if failed == nil {
			variables = append(variables, k.variable+"="+address)
		} else if !errors.Is(failed, errNoServer) {
			err = errors.Join(err, fmt.Errorf("%w: tests use another", failed))
		}
	}
	return variables, own.stop, err
}
