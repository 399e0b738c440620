//go:build ignore

// The writer of the migrations' atlas.sum files. Run by go generate.
package main

import (
	"log"
	"path/filepath"

	"ariga.io/atlas/sql/migrate"
)

func main() {
	dirs, err := filepath.Glob("migrations/*")
	if err != nil {
		log.Fatal(err)
	}
	for _, name := range dirs {
		dir, err := migrate.NewLocalDir(name)
		if err != nil {
			log.Fatal(err)
		}
		sum, err := dir.Checksum()
		if err != nil {
			log.Fatal(err)
		}
		if err := migrate.WriteSumFile(dir, sum); err != nil {
			log.Fatal(err)
		}
	}
}
