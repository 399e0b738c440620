//go:build ignore

package main

import (
	"log"

	"entgo.io/ent/entc"
	"entgo.io/ent/entc/gen"
)

// The client of ent's own pattern. The schema imports the privacy package that is generated from it: to generate
// into an empty folder, take the Policy methods out of the schema for the first run.
func main() {
	err := entc.Generate("./schema", &gen.Config{},
		entc.FeatureNames("privacy", "entql"),
	)
	if err != nil {
		log.Fatal(err)
	}
}
