//go:build !unix

package servers

import (
	"errors"
	"os/exec"
)

// errNotUnix says why no private server is started: the guard is a shell script.
var errNotUnix = errors.New("private servers run on Unix systems only: set the environment variable instead")

func runAs(*exec.Cmd, string) error { return errNotUnix }

func giveTo(string, string) error { return errNotUnix }
