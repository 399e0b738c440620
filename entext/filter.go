package entext

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"

	"entgo.io/ent/entc/gen"
)

// scopeFilters makes the filters of ent's entql feature evaluate their
// predicates by tenancyEvalP of tenancy.go, which does not count neighbors of
// other tenants. ent's template leaves no place for that, so the call is
// replaced in the generated file.
func scopeFilters(g *gen.Graph) error {
	if on, err := g.FeatureEnabled("entql"); !on || err != nil {
		return err
	}
	file := filepath.Join(g.Target, "entql.go")
	text, err := os.ReadFile(file) //nolint:gosec // the file that ent has just written
	if err != nil {
		return err
	}
	scoped := bytes.ReplaceAll(text, []byte("schemaGraph.EvalP("), []byte("tenancyEvalP("))
	if bytes.Equal(scoped, text) && len(g.Nodes) > 0 {
		return errors.New("entext: this version of ent evaluates entql filters in another way; use the ent version of this library's go.mod, or turn the entql feature off")
	}
	return os.WriteFile(file, scoped, 0o600) //nolint:gosec // the same
}
