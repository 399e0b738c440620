//go:build ignore

package main

import (
	"log"

	"entgo.io/ent/entc"
	"entgo.io/ent/entc/gen"

	"github.com/entenancy/tenancy/entext"
)

// The client of this library: the extension, and no feature of ent.
func main() {
	err := entc.Generate("./schema", &gen.Config{},
		entc.Extensions(entext.Extension{}),
	)
	if err != nil {
		log.Fatal(err)
	}
}
