package entext

import (
	"embed"
	"text/template"

	"entgo.io/ent/entc"
	"entgo.io/ent/entc/gen"

	"github.com/entenancy/tenancy/privacy"
)

//go:embed template/*.tmpl
var templates embed.FS

// Extension is the entc extension. The zero value is ready for use.
type Extension struct {
	entc.DefaultExtension

	// Placement has the generated client name its tables so that package driver
	// can tell those of tenants from those of global entities. It is needed where
	// there are global entities and tenants with a schema or database of their
	// own, and for schemas on MySQL; package manager refuses such tenants without.
	// It turns on ent's sql/schemaconfig feature.
	// Defaults to false.
	//
	// Such places count their ids each by itself. A global entity's own foreign key to
	// a tenant's row, such as that of edge.To("favorite", Memo.Type).Unique(), holds an
	// id and not whose, and leads each tenant to its own row of that id: give the
	// tenants' entity ids that are never given twice, such as UUIDs.
	Placement bool
}

// Options implements entc.Extension: the feature that Placement needs.
func (e Extension) Options() []entc.Option {
	if !e.Placement {
		return nil
	}
	return []entc.Option{entc.FeatureNames(gen.FeatureSchemaConfig.Name)}
}

// Templates implements entc.Extension: the calls that ent's own templates make
// room for, three of its templates written anew where they do not, and the
// files that describe the entities.
func (Extension) Templates() []*gen.Template {
	t := gen.NewTemplate("tenancy").Funcs(template.FuncMap{
		"tenancyColumn":     columnExpr,
		"tenancyColumnName": columnName,
		"tenancyEntities":   entities,
		"tenancyGlobal":     isGlobal,
		"tenancyGlobals":    globals,
		"tenancyJoinColumn": joinColumnExpr,
		"tenancyJoinScoped": hasJoinScope,
		"tenancyJoinRows":   joinTables,
		"tenancyMetadata":   metadata,
		"tenancyScoped":     isScoped,
		"tenancyTables":     tableColumns,
		"tenancyProtocol":   func() int { return privacy.Protocol },
	})
	return []*gen.Template{gen.MustParse(t.ParseFS(templates, "template/*.tmpl"))}
}

// Hooks implements entc.Extension: it checks the graph, makes unique fields
// and indexes unique for each tenant, and generates.
func (e Extension) Hooks() []gen.Hook {
	return []gen.Hook{func(next gen.Generator) gen.Generator {
		return gen.GenerateFunc(func(g *gen.Graph) error {
			if err := e.check(g); err != nil {
				return err
			}
			for _, n := range g.Nodes {
				if err := scopeUniques(n); err != nil {
					return err
				}
			}
			if err := checkCascades(g); err != nil { // now that the graph's tables can be made
				return err
			}
			if err := next.Generate(g); err != nil {
				return err
			}
			return scopeFilters(g)
		})
	}}
}
