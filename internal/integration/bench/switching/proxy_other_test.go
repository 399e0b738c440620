//go:build !linux

package switching_test

import "testing"

// delayed needs the calls of Linux.
func delayed(testing.TB, *world) []network {
	printf("\n1ms: the proxy runs on Linux alone\n")
	return nil
}
