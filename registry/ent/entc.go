//go:build ignore

// The generator of the registry's ent client. Run by go generate.
package main

import (
	"log"

	"entgo.io/ent/entc"
	"entgo.io/ent/entc/gen"
)

func main() {
	if err := entc.Generate("./schema", &gen.Config{Features: []gen.Feature{gen.FeatureModifier}}); err != nil {
		log.Fatalf("tenancy: generating registry/ent: %v", err)
	}
}
