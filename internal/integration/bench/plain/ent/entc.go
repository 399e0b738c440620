//go:build ignore

package main

import (
	"log"

	"entgo.io/ent/entc"
	"entgo.io/ent/entc/gen"
)

// imports has ent import itself: in client.go it leaves that to be guessed, and other packages called ent are guessed, too.
var imports = gen.MustParse(gen.NewTemplate("imports").Parse("{{ define \"import/additional/ent\" }}\n\"entgo.io/ent\"\n{{ end }}"))

// The client of the variants without tenancy and with predicates written by hand: no feature, no extension.
func main() {
	if err := entc.Generate("./schema", &gen.Config{Templates: []*gen.Template{imports}}); err != nil {
		log.Fatal(err)
	}
}
