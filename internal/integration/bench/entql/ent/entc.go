//go:build ignore

package main

import (
	"log"

	"entgo.io/ent/entc"
	"entgo.io/ent/entc/gen"
)

// imports has ent import itself: in client.go it leaves that to be guessed, and other packages called ent are guessed, too.
var imports = gen.MustParse(gen.NewTemplate("imports").Parse("{{ define \"import/additional/ent\" }}\n\"entgo.io/ent\"\n{{ end }}"))

// The client of ent's own pattern. The schema imports the privacy package that is generated from it: to generate
// into an empty folder, take the Policy methods out of the schema for the first run.
func main() {
	err := entc.Generate("./schema", &gen.Config{Templates: []*gen.Template{imports}},
		entc.FeatureNames("privacy", "entql"),
	)
	if err != nil {
		log.Fatal(err)
	}
}
