// Configdoc writes docs/configuration.md from the comments of manager.Config:
//
//	go run ./internal/configdoc config.go ../docs/configuration.md
package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"log"
	"os"
	"reflect"
	"strings"

	"github.com/entenancy/tenancy/manager"
)

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: configdoc config.go configuration.md")
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		log.Fatal(err)
	}
}

func run(source, target string) error {
	file, err := parser.ParseFile(token.NewFileSet(), source, nil, parser.ParseComments)
	if err != nil {
		return err
	}
	structs := structsOf(file)
	var b strings.Builder
	b.WriteString(intro)
	for _, group := range structs["Config"].fields {
		write(&b, group, structs[group.typeName])
	}
	return os.WriteFile(target, []byte(b.String()), 0o644) //nolint:gosec // a page for everybody
}

const intro = `# Configuration

<!-- Made by "go generate ./manager" from the comments of manager.Config. Change them there. -->

Every setting is a field of [` + "`manager.Config`" + `](../manager/config.go) and a variable of the environment, which ` + "`manager.FromEnv`" + `
reads. Lists are separated by commas, times written as ` + "`30s`" + ` or ` + "`5m`" + `. A variable that is empty counts as not set. A variable
` + "`TENANCY_…`" + ` that is no setting is an error, and so is every value that cannot be meant: all of them are reported at once, by name and
without the value.

What only a program can say, such as its migrations and who may act for whom, is in [` + "`manager.App`" + `](../manager/app.go).
`

// structure is a struct type of the source.
type structure struct {
	doc    string
	fields []field
}

// field is one of its fields.
type field struct {
	name, typeName, doc string
	tag                 reflect.StructTag
}

func structsOf(file *ast.File) map[string]structure {
	all := make(map[string]structure)
	for _, declared := range file.Decls {
		general, ok := declared.(*ast.GenDecl)
		if !ok || general.Tok != token.TYPE {
			continue
		}
		for _, spec := range general.Specs {
			named, _ := spec.(*ast.TypeSpec)
			if body, ok := named.Type.(*ast.StructType); ok {
				all[named.Name.Name] = structure{doc: general.Doc.Text(), fields: fieldsOf(body)}
			}
		}
	}
	return all
}

func fieldsOf(body *ast.StructType) []field {
	fields := make([]field, 0, len(body.Fields.List))
	for _, f := range body.Fields.List {
		fields = append(fields, field{
			name: f.Names[0].Name, typeName: typeName(f.Type), doc: f.Doc.Text(),
			tag: reflect.StructTag(strings.Trim(f.Tag.Value, "`")),
		})
	}
	return fields
}

// typeName is a type in the words of who sets a variable.
func typeName(expr ast.Expr) string {
	switch t := expr.(type) {
	case *ast.Ident:
		switch t.Name {
		case "string", "Strategy", "AuditSink":
			return "text"
		case "int":
			return "number"
		case "bool":
			return "true or false"
		}
		return t.Name
	case *ast.SelectorExpr:
		switch t.Sel.Name {
		case "Secret":
			return "secret"
		case "Duration":
			return "time"
		}
		return "text"
	case *ast.ArrayType:
		return "list of " + typeName(t.Elt) + "s"
	case *ast.MapType:
		return "list of name:" + typeName(t.Value)
	default:
		return ""
	}
}

func write(b *strings.Builder, group field, s structure) {
	fmt.Fprintf(b, "\n## %s\n\n%s\n\n| variable | kind | what it says |\n|---|---|---|\n", group.name, sentence(s.doc, group.typeName))
	for _, f := range s.fields {
		variable := manager.EnvPrefix + group.tag.Get("envPrefix") + f.tag.Get("env")
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", variable, f.typeName, sentence(f.doc, f.name))
	}
}

// sentence is a comment on one line, without the name that it begins with.
func sentence(doc, name string) string {
	text := strings.Join(strings.Fields(doc), " ")
	text = strings.TrimPrefix(strings.TrimPrefix(text, name+" "), "is ")
	text = strings.NewReplacer("[", "`", "]", "`", "|", "\\|").Replace(text)
	return strings.ToUpper(text[:1]) + text[1:]
}
