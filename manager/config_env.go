package manager

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"

	"github.com/entenancy/tenancy"
)

// EnvPrefix begins the names of all environment variables.
const EnvPrefix = "TENANCY_"

// FromEnv returns the configuration that the environment holds, such as
// Database.URL from TENANCY_DATABASE_URL. Lists are separated by commas, times
// written as 30s or 5m. A variable that is not set, or empty, leaves a field at
// its default, which [New] fills in.
//
// It reports everything that cannot be read at once, as a [ConfigError], and
// so does New with what cannot be meant. Variables with the prefix that are no
// field's are reported too: a misspelled one would be a default in silence.
func FromEnv() (Config, error) { return fromEnv(os.Environ()) }

func fromEnv(environ []string) (Config, error) {
	vars := env.ToMap(environ)
	for name, value := range vars {
		if strings.TrimSpace(value) == "" {
			delete(vars, name)
		}
	}
	var c Config
	found := unknown(vars)
	groups := reflect.ValueOf(&c).Elem()
	for i := range groups.NumField() { // one by one, because the parser's errors name a field without its group
		group := groups.Type().Field(i)
		err := env.ParseWithOptions(groups.Field(i).Addr().Interface(), env.Options{
			Environment: vars, Prefix: EnvPrefix + group.Tag.Get("envPrefix"), FuncMap: parsers(),
		})
		found = append(found, unreadable(group.Name, err)...)
	}
	if len(found) > 0 {
		return Config{}, &ConfigError{Problems: found}
	}
	return c, nil
}

// parsers reads what the parser does not know, and lists with spaces in them.
func parsers() map[reflect.Type]env.ParserFunc {
	secret := tenancy.NewSecret
	return map[reflect.Type]env.ParserFunc{
		reflect.TypeFor[tenancy.Secret]():   func(text string) (any, error) { return secret(text), nil },
		reflect.TypeFor[[]tenancy.Secret](): listOf(secret),
		reflect.TypeFor[[]string]():         listOf(func(text string) string { return text }),
		reflect.TypeFor[[]Strategy]():       listOf(func(text string) Strategy { return Strategy(text) }),
		reflect.TypeFor[[]AuditSink]():      listOf(func(text string) AuditSink { return AuditSink(text) }),
	}
}

func listOf[T any](element func(string) T) env.ParserFunc {
	return func(text string) (any, error) {
		var all []T
		for part := range strings.SplitSeq(text, ",") {
			if part = strings.TrimSpace(part); part != "" {
				all = append(all, element(part))
			}
		}
		return all, nil
	}
}

// unreadable tells what the parser has found in a group, without the values
// that it quotes.
func unreadable(group string, err error) []Problem {
	var all env.AggregateError
	if !errors.As(err, &all) {
		if err == nil {
			return nil
		}
		return []Problem{{Reason: "the settings of Config." + group + " cannot be read"}}
	}
	found := make([]Problem, 0, len(all.Errors))
	for _, each := range all.Errors {
		problem := Problem{Reason: "a setting of Config." + group + " cannot be read"}
		var parse env.ParseError
		if errors.As(each, &parse) {
			path := group + "." + parse.Name
			problem = Problem{Path: path, Env: envOf(path), Reason: "is not " + article(parse.Type)}
		}
		found = append(found, problem)
	}
	return found
}

func article(t reflect.Type) string {
	switch {
	case t.Kind() == reflect.Bool:
		return "true or false"
	case t.Kind() == reflect.Map:
		return "a list such as gold:1000,free:10"
	case t == reflect.TypeFor[time.Duration]():
		return "a time such as 30s or 5m"
	default:
		return "a whole number"
	}
}

// unknown names variables that no field has.
func unknown(vars map[string]string) []Problem {
	known := make(map[string]bool)
	for _, f := range Fields() {
		known[f.Env] = true
	}
	var found []Problem
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		if strings.HasPrefix(name, EnvPrefix) && !known[name] && !elsewhere(name) {
			found = append(found, Problem{Env: name, Reason: "is not a setting: is it misspelled?"})
		}
	}
	return found
}

// elsewhere reports whether a variable is for the operator's tool or the tests.
func elsewhere(name string) bool {
	for _, prefix := range []string{"CLI_", "TEST_", "BENCH_"} {
		if strings.HasPrefix(name, EnvPrefix+prefix) {
			return true
		}
	}
	return false
}

// Field is one setting of a [Config].
type Field struct {
	// Path is where it is, as Database.URL.
	Path string
	// Env is its environment variable, as TENANCY_DATABASE_URL.
	Env string
	// Type is that of the field.
	Type reflect.Type
}

// Fields lists all settings, in the order of the Config.
func Fields() []Field {
	var all []Field
	config := reflect.TypeFor[Config]()
	for i := range config.NumField() {
		group := config.Field(i)
		prefix := EnvPrefix + group.Tag.Get("envPrefix")
		for j := range group.Type.NumField() {
			field := group.Type.Field(j)
			all = append(all, Field{Path: group.Name + "." + field.Name, Env: prefix + field.Tag.Get("env"), Type: field.Type})
		}
	}
	return all
}

// envOf is the variable of a field by its path.
func envOf(path string) string {
	for _, f := range Fields() {
		if f.Path == path {
			return f.Env
		}
	}
	return ""
}

// ConfigError is everything that is wrong with a configuration, without the
// values, which may be secrets.
type ConfigError struct {
	Problems []Problem
}

// Problem is one thing that is wrong with a configuration.
type Problem struct {
	// Path is the field, as Database.URL, empty if it is none's.
	Path string
	// Env is its environment variable.
	Env string
	// Reason says what is wrong, and what to do.
	Reason string
}

// Error has a line for each problem, if there are several.
func (e *ConfigError) Error() string {
	const begin = "manager: invalid configuration:"
	if len(e.Problems) == 1 {
		return begin + " " + e.Problems[0].String()
	}
	var b strings.Builder
	b.WriteString(begin)
	for _, p := range e.Problems {
		b.WriteString("\n  " + p.String())
	}
	return b.String()
}

// String names the variable, and the field where it is known.
func (p Problem) String() string {
	switch {
	case p.Path != "":
		return fmt.Sprintf("%s (Config.%s) %s", p.Env, p.Path, p.Reason)
	case p.Env != "":
		return p.Env + " " + p.Reason
	default:
		return p.Reason
	}
}
