//go:build ignore

// The generator of the registry's ent client. Run by go generate.
package main

import (
	"log"

	"entgo.io/ent/entc"
	"entgo.io/ent/entc/gen"
)

// imports has ent import itself: in client.go it leaves that to be guessed, and other packages called ent are guessed, too.
var imports = gen.MustParse(gen.NewTemplate("imports").Parse("{{ define \"import/additional/ent\" }}\n\"entgo.io/ent\"\n{{ end }}"))

func main() {
	if err := entc.Generate("./schema", &gen.Config{Features: []gen.Feature{gen.FeatureModifier}, Templates: []*gen.Template{imports}}); err != nil {
		log.Fatalf("tenancy: generating registry/ent: %v", err)
	}
}
