package sqlite

import (
	"context"
	"fmt"
	"strings"

	"github.com/entenancy/tenancy/schema"
)

// checkTables fails if a name could mean a table of the wrong file. SQLite looks
// for an unqualified one in the main file first, and then in the attached one.
func (f *Files) checkTables(ctx context.Context, s session) error {
	globals, err := s.column(ctx, tablesOf(schema.GlobalTables), 0)
	if err != nil {
		return err
	}
	own, err := s.column(ctx, tablesOf("main"), 0)
	if err != nil {
		return err
	}
	main := setOf(own)
	for _, name := range globals {
		switch folded := strings.ToLower(name); {
		case f.scoped[folded]:
			return fmt.Errorf("%w: the file of global tables has the table %q, and would serve those whose own file lacks it", ErrMixed, name)
		case main[folded] && !f.inBoth[folded]:
			return fmt.Errorf("%w: the table %q is in the file of global tables and in this one, which hides it; "+
				"drop it here, or name it in Config.InBoth", ErrMixed, name)
		}
	}
	return nil
}

// tablesOf asks for what can stand after FROM.
func tablesOf(database string) string {
	return "SELECT name FROM " + database + ".sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
}
