//go:build ignore

package main

import (
	"log"

	"entgo.io/ent/entc"
	"entgo.io/ent/entc/gen"

	"github.com/entenancy/tenancy/entext"
)

// This is all that the code generator needs to know about tenants.
func main() {
	err := entc.Generate("./schema", &gen.Config{}, entc.Extensions(entext.Extension{}))
	if err != nil {
		log.Fatal(err)
	}
}
