// Configdoc writes docs/configuration.md from the comments of manager.Config:
//
//	go run ./internal/configdoc config.go ../docs/configuration.md
package main

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"log"
	"os"
	"reflect"
	"regexp"
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
	variables := make(map[string]string) // by the field, as [DatabaseConfig.URL]
	for _, group := range structs["Config"].fields {
		for _, f := range structs[group.typeName].fields {
			variables["["+group.typeName+"."+f.name+"]"] = "`" + f.variable(group) + "`"
		}
	}
	var b strings.Builder
	b.WriteString(intro)
	for _, group := range structs["Config"].fields {
		if err := checkLinks(group.typeName, structs[group.typeName]); err != nil {
			return err
		}
		write(&b, group, structs[group.typeName], variables)
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

// variable is the one of a field of a group.
func (f field) variable(group field) string {
	return manager.EnvPrefix + group.tag.Get("envPrefix") + f.tag.Get("env")
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

func write(b *strings.Builder, group field, s structure, variables map[string]string) {
	fmt.Fprintf(b, "\n## %s\n\n%s\n\n| variable | kind | what it says |\n|---|---|---|\n", group.name, sentence(s.doc, group.typeName, variables))
	for _, f := range s.fields {
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", f.variable(group), f.typeName, sentence(f.doc, f.name, variables))
	}
}

// checkLinks refuses a comment that names a field of its group without a link: who sets
// variables knows no fields.
func checkLinks(typeName string, s structure) error {
	for _, of := range append([]field{{name: typeName, doc: s.doc}}, s.fields...) {
		doc := strings.TrimPrefix(of.doc, of.name)
		for _, f := range s.fields {
			if regexp.MustCompile(`(^|[^.\w])` + f.name + `\b`).MatchString(doc) {
				return fmt.Errorf("the comment of %s.%s names the field %s: put it as [%[1]s.%[3]s]", typeName, of.name, f.name)
			}
		}
	}
	return nil
}

var link = regexp.MustCompile(`\[[^]]+\]`)

// sentence is a comment on one line, without the name that it begins with, and
// with variables where it links to fields.
func sentence(doc, name string, variables map[string]string) string {
	text := strings.Join(strings.Fields(doc), " ")
	text = strings.TrimPrefix(text, name+" ")
	text = strings.TrimPrefix(strings.TrimPrefix(text, "is "), "are ")
	text = link.ReplaceAllStringFunc(text, func(field string) string { return cmp.Or(variables[field], field) })
	text = strings.NewReplacer("[", "`", "]", "`", "|", "\\|").Replace(text)
	return strings.ToUpper(text[:1]) + text[1:]
}
