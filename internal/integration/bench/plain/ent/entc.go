//go:build ignore

package main

import (
	"log"

	"entgo.io/ent/entc"
	"entgo.io/ent/entc/gen"
)

// The client of the variants without tenancy and with predicates written by hand: no feature, no extension.
func main() {
	if err := entc.Generate("./schema", &gen.Config{}); err != nil {
		log.Fatal(err)
	}
}
