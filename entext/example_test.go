package entext_test

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"entgo.io/ent/entc"
	"entgo.io/ent/entc/gen"

	"github.com/entenancy/tenancy/entext"
)

// This is what an entc.go does; without Target and Package the code goes
// beside it.
func ExampleExtension() {
	target, err := os.MkdirTemp("", "entext-example-")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(target) }()

	err = entc.Generate("./testdata/shop", &gen.Config{Target: target, Package: "example.com/shop/ent"},
		entc.Extensions(entext.Extension{}))
	if err != nil {
		log.Fatal(err)
	}
	for _, file := range []string{"client.go", "tenancy.go", "migrate/tenancy.go"} {
		_, err := os.Stat(filepath.Join(target, file))
		fmt.Println(file, err)
	}
	// Output:
	// client.go <nil>
	// tenancy.go <nil>
	// migrate/tenancy.go <nil>
}
