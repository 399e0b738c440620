//go:build ignore

package main

import (
	"log"

	"entgo.io/ent/entc"
	"entgo.io/ent/entc/gen"

	"github.com/entenancy/tenancy/entext"
)

// The client of the attack suite has every feature of ent turned on that gives
// an attacker one more way in.
func main() {
	err := entc.Generate("./schema", &gen.Config{},
		entc.Extensions(entext.Extension{Placement: true}),
		entc.FeatureNames(
			"privacy", "entql", "intercept", "namedges", "bidiedges", "schema/snapshot",
			"sql/modifier", "sql/upsert", "sql/execquery", "sql/lock", "sql/versioned-migration",
		),
	)
	if err != nil {
		log.Fatal(err)
	}
}
