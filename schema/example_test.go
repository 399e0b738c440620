package schema_test

import (
	"encoding/json"
	"fmt"

	"entgo.io/ent/schema/field"

	"github.com/entenancy/tenancy/schema"
)

func show(a schema.Annotation) {
	text, err := json.Marshal(a)
	fmt.Println(a.Name(), string(text), err)
}

// An entity that all tenants read, and none of them writes.
func ExampleGlobal() {
	show(schema.Global("ISO 3166, the same for everybody"))
	// Output: Tenancy {"global":true,"reason":"ISO 3166, the same for everybody"} <nil>
}

// An entity that tenants write, too.
func ExampleWritable() {
	show(schema.Global("a person signs in once for all tenants", schema.Writable()))
	// Output: Tenancy {"global":true,"writable":true,"reason":"a person signs in once for all tenants"} <nil>
}

// A field that no two tenants may share a value of.
func ExampleGlobalUnique() {
	domain := field.String("domain").Unique().
		Annotations(schema.GlobalUnique("a domain can be served for one tenant only"))
	show(domain.Descriptor().Annotations[0])
	// Output: Tenancy {"global_unique":true,"reason":"a domain can be served for one tenant only"} <nil>
}
