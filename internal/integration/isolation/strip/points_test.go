package strip_test

// point is one place that keeps tenants apart.
type point struct {
	name, file string
	// old is the text that does, new what is there when it does no more.
	old, new string
	// generates says that code is generated from the file.
	generates bool
}

func points() []point {
	var all []point
	all = append(all, templatePoints()...)
	all = append(all, readPoints()...)
	all = append(all, writePoints()...)
	all = append(all, linkPoints()...)
	return append(all, rulePoints()...)
}

// templatePoints take an injected template away: a define with a name that ent
// does not look for is unused, and ent's own template of the old name is back.
func templatePoints() []point {
	var all []point
	for _, p := range []struct{ file, define string }{
		{"builders.tmpl", "dialect/sql/select"},
		{"builders.tmpl", "dialect/sql/group"},
		{"builders.tmpl", "dialect/sql/meta/order"},
		{"enforce.tmpl", "dialect/sql/query/spec/zz_tenancy"},
		{"enforce.tmpl", "dialect/sql/query/selector/aa_tenancy"},
		{"enforce.tmpl", "dialect/sql/query/additional/zz_tenancy"},
		{"enforce.tmpl", "dialect/sql/query/path/zz_tenancy"},
		{"enforce.tmpl", "dialect/sql/query/from/zz_tenancy"},
		{"enforce.tmpl", "dialect/sql/query/eagerloading/join/zz_tenancy"},
		{"enforce.tmpl", "dialect/sql/predicate/edge/has/zz_tenancy"},
		{"enforce.tmpl", "dialect/sql/predicate/edge/haswith/zz_tenancy"},
		{"enforce.tmpl", "dialect/sql/delete/spec/zz_tenancy"},
		{"enforce.tmpl", "dialect/sql/update/spec/zz_tenancy"},
		{"enforce.tmpl", "dialect/sql/create/spec/zz_tenancy"},
		{"enforce.tmpl", "dialect/sql/create_bulk/spec/zz_tenancy"},
	} {
		all = append(all, point{
			"template " + p.define, "entext/template/" + p.file,
			`define "` + p.define + `"`, `define "helper/stripped"`, true,
		})
	}
	return append(all, point{
		"template tenancyEvalP", "entext/template/enforce.tmpl",
		"return tenantprivacy.EvalP(schemaGraph, nodeType, p, s, map[string]tenantprivacy.Column{",
		"return func(g *sqlgraph.Schema, n string, p entql.P, s *sql.Selector, _ map[string]tenantprivacy.Column, _ tenantprivacy.Schemas) error {\n\treturn g.EvalP(n, p, s)\n}(schemaGraph, nodeType, p, s, map[string]tenantprivacy.Column{", true,
	})
}

func readPoints() []point {
	const predicate, query = "privacy/predicate.go", "privacy/query.go"
	return []point{
		{"belongs: parentheses", predicate, "b.WriteString(\" AND (\").Join(before)\n\t\t\tb.WriteByte(')')", "b.WriteString(\" AND \").Join(before)", false},
		{"belongs: the table's column", predicate, "s.P(), table.C(c.Name)", "s.P(), s.C(c.Name)", false},
		{"restrict: no table", predicate, "if table == nil {", "if false {", false},
		{"closeWith: parentheses", predicate, "b.WriteByte('(').Join(before)\n\t\tb.WriteString(\") AND \").Join(p)", "b.Join(before)\n\t\tb.WriteString(\" AND \").Join(p)", false},
		{"restrict: a failed predicate", predicate, "if s.Err() != nil {\n\t\tcloseWith(s, sql.False())\n\t\treturn\n\t}\n\tif scope.System()", "if scope.System()", false},
		{"restrict: no tenant", predicate, "if err != nil {\n\t\tdeny(s, err)\n\t\treturn\n\t}\n\tif s.Err()", "if err != nil {\n\t\treturn\n\t}\n\tif s.Err()", false},
		{"keepRestricted: restrict again", query, "if moved || s.P() != where {\n\t\t\trestrict(ctx, s, e.Tenant)\n", "if moved || s.P() != where {\n", false},
		{"keepRestricted: changes in place", query, "\tkeep() // a predicate", "\t_ = keep // a predicate", false},
		{"keepRestricted: another table", query, "case moved && !limitsRows(s):", "case false && limitsRows(s):", false},
		{"Query: keepRestricted", query, "keepRestricted(ctx, s, e, m)", "m(s)", false},
		{"aggregate: keepRestricted", query, "keepRestricted(ctx, s, e, run)", "run(s)", false},
		{"Query: confined", query, "confined(s, e, user)", "user(s)", false},
		{"Select: another table", query, "case !reads(s, table, e):", "case false:", false},
		{"onTable: another table", predicate, "if reads(s, table, e) {", "if true {", false},
		{"keepFailed", predicate, "if failed != nil && s.Err() == nil {", "if false {", false},
		{"reads: what the table has become", predicate, "(!e.global() || tableName(s) == e.Table)", "(!e.global() || true)", false},
		{"Query: an order", query, "_ = onTable(s, e, order)", "order(s)", false},
		{"Query: context of a traversal's order", query, "spec.Order != nil && (spec.From != nil || e.global())", "spec.Order != nil && false", false},
		{"NestedGlobal: another table", "privacy/edge.go", "if tableName(sub) != table {", "if false {", false},
		{"LoadNeighbors: the tenant", "privacy/load.go", "s.OnP(sql.EQ(rows.C(c.Name), id))", "_ = id", false},
		{"LoadNeighbors: the condition", "privacy/load.go", "s.OnP(chosen)", "s.Where(chosen)", false},
		{"requireScope", "privacy/edge.go", "s.AddError(err)\n\t}\n}", "_ = err\n\t}\n}", false},
		{"Nested: no tenant", "privacy/edge.go", "requireScope(s)\n\treturn", "return", false},
		{"Linked: the tenant", "privacy/links.go", "restrictTable(sub.Context(), sub, links, c)", "_ = links", false},
		{"FromLinks: the tenant", "privacy/links.go", "restrict(ctx, links, c)", "_ = links", false},
		{"order: the sub-query", "privacy/order.go", "restrict(ctx, sub, to)", "_ = sub", false},
		{"order: the sub-query's links", "privacy/order.go", "restrictTable(ctx, sub, joined, links)", "_ = joined", false},
		{"order: the sub-query of a count over a join table", "privacy/order.go", "restrict(ctx, own, to)", "_ = ctx", false},
		{"order: the links that are counted", "privacy/order.go", "restrict(ctx, sub, links)", "_ = ctx", false},
		{"order: no tenant", "privacy/order.go", "requireScope(s)\n\texprs", "exprs", false},
		{"Enter: no tenant", "privacy/owned.go", "s.AddError(denied(err))", "_ = err", false},
	}
}

func writePoints() []point {
	const update, upsert, predicate = "privacy/update.go", "privacy/upsert.go", "privacy/predicate.go"
	return []point{
		{"begin: global writes", "privacy/operation.go", "return o, globalWrite(e.Name)", "return o, nil", false},
		{"begin: no tenant", "privacy/operation.go", "case !e.global():\n\t\treturn o, denied(err)", "case !e.global():\n\t\treturn o, nil", false},
		{"mayWriteTarget", "privacy/operation.go", "edge.targetOwnsKey() && !edge.Target.Writable && !o.system()", "false", false},
		{"mayWriteTarget: edge schemas", "privacy/operation.go", `edge.Join.Name == "" && !edge.Writable && !o.system()`, "false", false},
		{"delete: read-only rows", "privacy/predicate.go", `b.WriteString("1 = 1")`, `b.WriteString("1 = 0")`, false},
		{"removed: clearing a global's edge", "privacy/operation.go", "case len(spec.Target.Nodes) == 0:", "case false:", false},
		{"removed: a global's links by id", "privacy/operation.go", "default:\n\t\tl.refs = append(l.refs, refTo(edge, spec))\n\t\treturn nil", "default:\n\t\treturn nil", false},
		{"create: the tenant column", "privacy/create.go", `ok && id != "" && (o.system() || id == o.scope.TenantID())`, "ok", false},
		{"create: carry", "privacy/create.go", "if err := l.carry(tenant); err != nil {", "if err := error(nil); err != nil {", false},
		{"create: linked rows", "privacy/create.go", "return linked.check(ctx, q)", "return nil", false},
		{"update: apply", update, "belongs(s, s.Table(), u.entity.Tenant, u.id)", "_ = belongs", false},
		{"update: a failed predicate", update, "u.fail(conditions(s, u.entity, u.user))", "_ = conditions(s, u.entity, u.user)", false},
		{"update: nothing to set, refused", update, "b.SetNull(u.entity.Table)", "_ = b", false},
		{"update: conditions only", update, "u.fail(conditions(s, u.entity, u.user))", "u.fail(confined(s, u.entity, u.user))", false},
		{"update: rows by their ids", update, "if u.id != nil && u.manyWithEdges() {", "if false {", false},
		{"update: all that chooses rows", predicate, "s.Err() == nil && statement(s) != plain", `plain == ""`, false},
		{"update: nothing to set", update, "case u.id != nil && one(u.spec):", "case false:", false},
		{"edit: another table", update, "if set.Table().C(\"\") != ", "if false && set.Table().C(\"\") != ", false},
		{"edit: the tenant column", update, "if slices.Contains(assignmentsOf(b).columns, u.entity.Tenant.Name) {", "if false && slices.Contains(assignmentsOf(b).columns, u.entity.Tenant.Name) {", false},
		{"edit: the tenant column by another name", update, "u.fail(assignmentsOf(b).onlyOnce(u.entity))", "_ = b", false},
		{"edit: links", update, "u.fail(u.keepLink(b, key, before))", "_ = u.keepLink(b, key, before)", false},
		{"edit: the condition", update, "b.Where(sql.EQ(u.entity.Tenant.Name, u.id)).Where(sql.EQ(u.entity.Tenant.Name, u.id))", "_ = b", false},
		{"edit: parentheses", update, "u.id)).Where(sql.EQ(u.entity.Tenant.Name, u.id))", "u.id))", false},
		{"update: rows that the other tenant's hang on", update, "for _, d := range u.cleared {", "for _, d := range u.cleared[:0] {", false},
		{"update: composite", update, "if n == 0 {", "if n < 0 {", false},
		{"delete: another table", "privacy/delete.go", "tableName(s) != o.entity.Table", "s.TableName() != o.entity.Table", false},
		{"delete: restrict", "privacy/delete.go", "restrict(ctx, s, o.entity.Tenant)", "_ = restrict", false},
		{"a failed predicate of an update or delete", "privacy/guard.go", "if g.failed != nil || len(g.checks) == 0 {\n\t\treturn g.failed", "if len(g.checks) == 0 {\n\t\treturn nil", false},
		{"delete: rows that the other tenant's hang on", "privacy/delete.go", "range o.entity.Dependents {\n\t\tid, err", "range o.entity.Dependents[:0] {\n\t\tid, err", false},
		{"upsert: the tenant column", upsert, "setTenant(e, set)\n\tall :=", "all :=", false},
		{"upsert: the tenant column by another name", upsert, "return all.onlyOnce(e)", "return nil", false},
		{"upsert: links", upsert, "cmp.Or(g.failed, keepLinks(e, set), keepTenant(e, set))", "cmp.Or(g.failed, keepTenant(e, set))", false},
		{"upsert: fails for others", upsert, "held = append(held, fails)", "_ = fails", false},
		{"upsert: links to what it has met", "privacy/create.go", "if err := inserted.check(ctx, q); err != nil {", "if err := error(nil); err != nil {", false},
	}
}

func linkPoints() []point {
	return []point{
		{"owners.check", "privacy/ownership.go", "if n != len(ids) {", "if n < 0 {", false},
		{"tenantOf", "privacy/ownership.go", `found != "" && tenancy.ID(id) != found`, "false", false},
		{"update: carry", "privacy/update.go", "if err := l.carry(tenant); err != nil {", "if err := error(nil); err != nil {", false},
		{"update: linked rows", "privacy/update.go", "return o.scope.TenantID(), linked.check(ctx, q)", "return o.scope.TenantID(), nil", false},
		{"carry", "privacy/operation.go", "j.spec.Target.Fields = withField(", "_ = withField(", false},
		{"idempotent", "privacy/guard.go", "q.Exec(ctx, idempotent(query, g.joins), args, v)", "q.Exec(ctx, query, args, v)", false},
		{"owned: restrict", "privacy/owned.go", "restrict(o.context(), s, o.from)", "_ = s", false},
		{"owned: links", "privacy/owned.go", "restrict(o.context(), s, o.links)", "_ = s", false},
		{"entql: Nested", "privacy/entql.go", "conditions = append(conditions, sqlgraph.WrapFunc(Nested(f.root, c)))", "_ = c", false},
		{"entql: Linked", "privacy/entql.go", "conditions = append(conditions, sqlgraph.WrapFunc(Linked(step, c)))", "_, _ = step, c", false},
		{"entql: NestedGlobal", "privacy/entql.go", "} else if len(conditions) > 0 {", "} else if false {", false},
	}
}

func rulePoints() []point {
	return []point{
		{"interceptor", "privacy/rules.go", "if err != nil {\n\t\t\treturn denied(err)\n\t\t}\n\t\tif scope.System()", "if err != nil || scope.System()", false},
		{"hook: filling in", "privacy/rules.go", "if m.Op().Is(ent.OpCreate) {", "if false {", false},
		{"hook: no tenant", "privacy/rules.go", "if err != nil {\n\t\t\t\treturn nil, denied(err)\n\t\t\t}\n\t\t\tif m.Op()", "if err != nil {\n\t\t\t\treturn next.Mutate(ctx, m)\n\t\t\t}\n\t\t\tif m.Op()", false},
		{"policy: queries", "privacy/rules.go", "Query:    privacy.QueryPolicy{RequireTenant()},", "", false},
		{"policy: mutations", "privacy/rules.go", "Mutation: privacy.MutationPolicy{RequireTenant(), DenyCrossTenant()},", "", false},
		{"denied: ent's Deny", "privacy/rules.go", `return fmt.Errorf("%w: %w", err, privacy.Deny)`, "return err", false},
	}
}
