//go:build ignore

package main

import (
	"log"

	"entgo.io/ent/entc"
	"entgo.io/ent/entc/gen"

	"github.com/entenancy/tenancy/entext"
)

// One schema, two clients: one without any of ent's features, which proves that
// the enforcement needs none, and one with upserts.
func main() {
	if err := entc.Generate("./schema", &gen.Config{}, entc.Extensions(entext.Extension{})); err != nil {
		log.Fatal(err)
	}
	upserting := &gen.Config{
		Target:  "../upsertent",
		Package: "github.com/entenancy/tenancy/internal/integration/isolation/typed/upsertent",
	}
	if err := entc.Generate("./schema", upserting, entc.Extensions(entext.Extension{}), entc.FeatureNames("sql/upsert")); err != nil {
		log.Fatal(err)
	}
}
