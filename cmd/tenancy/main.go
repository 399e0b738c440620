// Tenancy is the operator's tool: it creates, suspends, migrates and erases the
// tenants of an application, and looks for what is wrong with them.
//
//	go install github.com/entenancy/tenancy/cmd/tenancy@latest
//	export TENANCY_DATABASE_URL=postgres://owner@127.0.0.1:5432/shop
//	tenancy tenant create acme --name "Acme Inc."
//	tenancy migrate apply
//	tenancy doctor
//
// See docs/cli.md, and tenancy help.
package main

import (
	"os"

	"github.com/entenancy/tenancy/cmd/tenancy/internal/cli"
)

func main() {
	os.Exit(cli.Main(os.Args[1:], cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
}
