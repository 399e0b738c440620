package lint_test

import (
	"fmt"
	"testing/fstest"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy/migrate/lint"
)

func ExampleDirectory() {
	directory := fstest.MapFS{
		"20260101000000_init.sql": {Data: []byte("CREATE TABLE orders (id int, note text);\n")},
		"20260102000000_drop.sql": {Data: []byte("ALTER TABLE orders DROP COLUMN note;\n")},
		"20260103000000_more.sql": {Data: []byte("-- tenancy:allow locking the table has ten rows\nCREATE INDEX i ON orders (id);\n")},
	} // or os.DirFS("migrations/tenant")
	findings, err := lint.Directory(directory, lint.Config{Dialect: dialect.Postgres})
	if err != nil {
		fmt.Println(err)
	}
	for _, finding := range findings {
		fmt.Println(finding.File, finding.Line, finding.Rule)
	}
	// Output:
	// atlas.sum 0 checksum
	// 20260102000000_drop.sql 1 destructive
}
