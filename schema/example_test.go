package schema_test

import (
	"encoding/json"
	"fmt"

	"entgo.io/ent/schema/field"

	"github.com/entenancy/tenancy/schema"
)

// show returns the annotation as ent's code generator gets it.
func show(a schema.Annotation) string {
	text, err := json.Marshal(a)
	return fmt.Sprint(a.Name(), " ", string(text), " ", err)
}

// An entity that all tenants read, and none of them writes.
func ExampleGlobal() {
	fmt.Println(show(schema.Global("ISO 3166, the same for everybody")))
	// Output: Tenancy {"global":true,"reason":"ISO 3166, the same for everybody"} <nil>
}

// An entity that tenants write, too.
func ExampleWritable() {
	fmt.Println(show(schema.Global("a person signs in once for all tenants", schema.Writable())))
	// Output: Tenancy {"global":true,"writable":true,"reason":"a person signs in once for all tenants"} <nil>
}

// A field that no two tenants may share a value of.
func ExampleGlobalUnique() {
	domain := field.String("domain").Unique().
		Annotations(schema.GlobalUnique("a domain can be served for one tenant only"))
	fmt.Println(show(domain.Descriptor().Annotations[0]))
	// Output: Tenancy {"global_unique":true,"reason":"a domain can be served for one tenant only"} <nil>
}
