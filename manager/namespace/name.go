package namespace

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/entenancy/tenancy"
)

// longestName is what PostgreSQL keeps of a name. MySQL keeps one character more.
const longestName = 63

// Names says how namespaces are named. The zero Names is good for most.
//
// A name is the prefix and the tenant's id. An id of lower-case letters, digits
// and hyphens that is short enough stays readable, with _ for the hyphen; of any
// other it is a hash. So no two ids have the same name, also where they differ by
// case only, and no name has a letter that a file system or server would fold.
type Names struct {
	// Prefix is what names begin with: a lower-case letter, then lower-case
	// letters, digits and _, up to 20 characters. It must not begin with tenancy_
	// or pg_. Applications that share a server, or a directory, need different ones.
	// Defaults to "tenant_".
	Prefix string
	// Reserved are names that no tenant gets, beside those of the database
	// itself, such as the schema of an extension. Defaults to none.
	Reserved []string
}

const (
	defaultPrefix = "tenant_"
	longestPrefix = 20
	// hashedBytes make 40 letters: two ids of the same name are not to be found.
	hashedBytes = 25

	sparePrefix   = "tenancy_warm_"
	scratchPrefix = "tenancy_new_"
)

// withDefaults returns the names with their defaults, or says what is wrong.
func (n Names) withDefaults() (Names, error) {
	if n.Prefix == "" {
		n.Prefix = defaultPrefix
	}
	switch {
	case len(n.Prefix) > longestPrefix:
		return n, fmt.Errorf("namespace: Names.Prefix has more than %d characters", longestPrefix)
	case n.Prefix[0] < 'a' || n.Prefix[0] > 'z' || strings.ContainsFunc(n.Prefix, notInName):
		return n, errors.New("namespace: Names.Prefix must consist of a-z, 0-9 and _, and begin with a letter")
	case strings.HasPrefix(n.Prefix, "tenancy_") || strings.HasPrefix(n.Prefix, "pg_"):
		return n, errors.New("namespace: Names.Prefix must not begin with tenancy_ or pg_")
	}
	return n, nil
}

func notInName(r rune) bool {
	return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '_'
}

// of returns the name for an id.
func (n Names) of(id tenancy.ID) (string, error) {
	if err := id.Validate(); err != nil {
		return "", fmt.Errorf("namespace: %w", err)
	}
	name := n.Prefix + "_" + hashed(id) // two _ in a row: no readable name begins so
	if readable(id) && len(n.Prefix)+len(id) <= longestName {
		name = n.Prefix + strings.ReplaceAll(string(id), "-", "_")
	}
	return name, n.allowed(name)
}

// readable reports whether an id, with _ for -, can be a part of a name. There is
// one way back, since it has no _ of its own.
func readable(id tenancy.ID) bool {
	return id[0] != '-' && !strings.ContainsFunc(string(id), func(r rune) bool { return r == '_' || r != '-' && notInName(r) })
}

func hashed(id tenancy.ID) string {
	sum := sha256.Sum256([]byte(id))
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:hashedBytes]))
}

// allowed refuses names that are, or might become, somebody else's.
func (n Names) allowed(name string) error {
	folded := strings.ToLower(name)
	system := []string{
		"public", "information_schema", "mysql", "sys", "performance_schema", "postgres", "template0", "template1", "main", "temp",
	}
	if slices.Contains(system, folded) || strings.HasPrefix(folded, "pg_") || strings.HasPrefix(folded, "tenancy_") ||
		slices.ContainsFunc(n.Reserved, func(r string) bool { return strings.EqualFold(r, name) }) {
		return fmt.Errorf("namespace: %w: the name %q is reserved", tenancy.ErrInvalidPlacement, name)
	}
	return nil
}

// usable reports whether a name from a placement may be made or dropped. A spare
// that cannot be renamed stays a tenant's under its name.
func (n Names) usable(t tenancy.Tenant, name string) error {
	if name == "" || len(name) > longestName || strings.ContainsAny(name, "\x00\\$'\"`") {
		return fmt.Errorf("namespace: %w: the placement of %s names no namespace", tenancy.ErrInvalidPlacement, t)
	}
	if strings.HasPrefix(name, sparePrefix) && !strings.ContainsFunc(name, notInName) {
		return nil
	}
	return n.allowed(name)
}

// scratch is where the namespace of a tenant is made before it gets its own name,
// if making it takes several steps. What is there is half-made, by whoever was at
// this tenant before.
func (n Names) scratch(id tenancy.ID) string {
	return scratchPrefix + hashed(tenancy.ID(n.Prefix)+"\x00"+id)
}

// spares is what the names of spares begin with.
func (n Names) spares() string { return sparePrefix + n.Prefix }

// spareLetters are how many make the name of a spare its own: 130 bits.
const spareLetters = 26

// spare is a new name for a spare.
func (n Names) spare() string { return n.spares() + strings.ToLower(rand.Text()[:spareLetters]) }

// spareLength is how long such a name is. Applications with different prefixes do not
// see each other's spares, and where one prefix begins with the other one, that is
// what tells them apart.
func (n Names) spareLength() int { return len(n.spares()) + spareLetters }

// isSpare reports whether a name is one that spare makes.
func (n Names) isSpare(name string) bool {
	return strings.HasPrefix(name, n.spares()) && len(name) == n.spareLength()
}
