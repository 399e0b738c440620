package postgres

import "strings"

// temporary is the schema of what stays on a connection. It has another name with the
// number of the connection behind it.
const temporary = "pg_temp"

// isTemporarySchema reports whether a name is that of a connection's temporary schema,
// in quotes or without.
func isTemporarySchema(name string) bool {
	after, found := strings.CutPrefix(strings.ToLower(strings.Trim(name, `"'`)), temporary)
	number, numbered := strings.CutPrefix(after, "_")
	return found && (after == "" || numbered && number != "" && strings.Trim(number, "0123456789") == "")
}

// namesTemporary reports whether a statement names the temporary schema.
func namesTemporary(statement string) bool {
	if !containsFold(statement, temporary) {
		return false
	}
	for token, after := nextToken(statement); token != ""; token, after = nextToken(after) {
		if token[0] != '\'' && isTemporarySchema(token) {
			return true
		}
	}
	return false
}

// isPath reports whether a setting is the search path. SET SCHEMA is another way to set it.
func isPath(setting string) bool {
	return strings.EqualFold(setting, "search_path") || strings.EqualFold(setting, "schema")
}

// checkPath refuses a search path in which the temporary schema may be the first one
// that is there, since that is where CREATE TABLE makes its table. It may be where the
// text does not spell the path out. Behind pg_catalog it is not, which is there for
// everybody, and where no table can be made. All others may be missing, or the role may
// not use them, public among them, and are passed over.
func checkPath(what string, schemas []string, plain bool) error {
	if !plain {
		return refused(what+" of a search_path that the text does not spell out",
			"it may begin with "+temporary+"; write its schemas as one plain literal, or names, without parameters, operators and escapes")
	}
	for _, schema := range schemas {
		switch {
		case isTemporarySchema(schema):
			return refusedPath(what)
		case schema == "pg_catalog":
			return nil
		}
	}
	return nil
}

// schemasSet returns the schemas that SET LOCAL gives the search path, by what follows
// its name: [= | TO] and names or literals with commas between. It is not plain where
// they are written in another way.
func schemasSet(text string) (schemas []string, plain bool) {
	if token, after := nextToken(text); token == "=" || strings.EqualFold(token, "TO") {
		text = after
	}
	for {
		token, after := nextToken(text)
		schema, ok := schemaIn(token)
		if !ok {
			return nil, false
		}
		schemas = append(schemas, schema)
		switch token, text = nextToken(after); token {
		case ",":
		case "":
			return schemas, true
		default:
			return nil, false
		}
	}
}

// schemaIn returns the schema that a token names, as the server reads it.
func schemaIn(token string) (schema string, plain bool) {
	switch n := len(token); {
	case n > 0 && wordLength(token) == n:
		return strings.ToLower(token), true
	case n > 1 && (token[0] == '\'' || token[0] == '"') && token[n-1] == token[0]:
		schema = token[1 : n-1]
		return schema, !strings.ContainsAny(schema, `'"\`)
	}
	return "", false
}

// schemasIn returns the schemas in the list that a call of set_config has as a literal.
// What is in quotes there may have commas in it, and keeps its quotes, to be no schema
// that is known. It is not plain where a vertical tab is in it: newer servers pass over
// it as a blank, and to older ones it is a letter.
func schemasIn(argument string) (schemas []string, plain bool) {
	list, plain := literalIn(argument)
	plain = plain && !strings.Contains(list, "\v")
	if !strings.Contains(list, `"`) {
		return strings.Split(list, ","), plain
	}
	for schema := range strings.SplitSeq(list, ",") {
		schemas = append(schemas, `"`+strings.Trim(schema, `"`)+`"`)
	}
	return schemas, plain
}

func refusedPath(what string) error {
	return refused(what+" of search_path to "+temporary,
		"tables made there would outlive the statement, for the next tenant on the connection; "+
			"write pg_catalog before it, as in pg_catalog, public, pg_temp, or leave it out: it is searched anyway")
}
