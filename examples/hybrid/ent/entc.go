//go:build ignore

package main

import (
	"log"

	"entgo.io/ent/entc"
	"entgo.io/ent/entc/gen"

	"github.com/entenancy/tenancy/entext"
)

// Placement: the client names its tables so that they can be in several places.
func main() {
	err := entc.Generate("./schema", &gen.Config{}, entc.Extensions(entext.Extension{Placement: true}))
	if err != nil {
		log.Fatal(err)
	}
}
