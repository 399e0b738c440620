package privacy

import (
	"fmt"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
)

// Protocol is the version of the contract between this package and the code
// that entext generates. It rises whenever generated code of before would no
// longer protect.
const Protocol = 6

// generated is what entext adds to the queries and mutations of scoped entities.
type generated interface{ TenancyProtocol() int }

// checkGenerated refuses a query or mutation whose type was not generated with
// this version's enforcement, since nothing below would hold it.
func checkGenerated(v any) error {
	g, ok := v.(generated)
	if !ok {
		return fmt.Errorf("%w: %T was generated without it; pass entc.Extensions(entext.Extension{}) to entc.Generate in entc.go and run go generate", tenancy.ErrNotInstalled, v)
	}
	if p := g.TenancyProtocol(); p != Protocol {
		return errOtherProtocol(fmt.Sprintf("%T", v), p)
	}
	return nil
}

// check refuses an entity that was generated for another protocol. A global one has
// neither hook nor interceptor that would.
func (e *Entity) check() error {
	if e.Protocol != Protocol {
		return errOtherProtocol(e.Name, e.Protocol)
	}
	return nil
}

func errOtherProtocol(what string, p int) error {
	return fmt.Errorf("%w: %s was generated for protocol %d and this library has %d; run go generate with this version of entext", tenancy.ErrNotInstalled, what, p, Protocol)
}

// TableSchemas returns the schemas by which a client of the driver has to
// qualify the tables of tenants and of global entities, empty where it need not
// or the driver does not say. The generated option TenancyDriver calls it.
func TableSchemas(d dialect.Driver) (tenants, globals string) {
	if named, ok := d.(interface {
		TableSchemas() (tenants, globals string)
	}); ok {
		return named.TableSchemas()
	}
	return "", ""
}
