package manager_test

import (
	"go/types"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/go/packages"

	"github.com/entenancy/tenancy/manager"
)

// TestNoFieldIsDead finds each setting in the code that puts a Manager
// together: what only reads, checks and documents settings does not count.
func TestNoFieldIsDead(t *testing.T) {
	t.Parallel()
	loaded, err := packages.Load(&packages.Config{
		Mode: packages.NeedName | packages.NeedFiles | packages.NeedImports | packages.NeedTypes | packages.NeedTypesInfo | packages.NeedSyntax,
	}, "github.com/entenancy/tenancy/manager")
	must(t, err)
	p := loaded[0]
	for _, e := range p.Errors {
		t.Fatal(e)
	}
	used := make(map[types.Object]bool)
	for name, object := range p.TypesInfo.Uses {
		file := filepath.Base(p.Fset.Position(name.Pos()).Filename)
		if !strings.HasPrefix(file, "config") && file != "app.go" {
			used[object] = true
		}
	}
	fields := manager.Fields()
	for _, field := range fields {
		group, name, _ := strings.Cut(field.Path, ".")
		object := fieldOf(p.Types.Scope().Lookup("Config").Type(), group)
		if object = fieldOf(object.Type(), name); object == nil {
			t.Fatalf("%s is not a field", field.Path)
		}
		if !used[object] {
			t.Errorf("%s (%s) is read by nobody", field.Path, field.Env)
		}
	}
	if len(fields) < 60 {
		t.Errorf("only %d fields", len(fields))
	}
}

func fieldOf(of types.Type, name string) types.Object {
	fields, _ := of.Underlying().(*types.Struct)
	for field := range fields.Fields() {
		if field.Name() == name {
			return field
		}
	}
	return nil
}
