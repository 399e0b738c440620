package migrate

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// forcing finds ALTER TABLE t NO FORCE ROW LEVEL SECURITY, and the same without NO.
var forcing = regexp.MustCompile(`(?is)^ALTER\s+TABLE\s+(.+?)\s+(NO\s+)?FORCE\s+ROW\s+LEVEL\s+SECURITY\s*;?$`)

// forcedAgain is for a file outside of transactions that lifts row-level security
// from the owner of tables while a key is validated, and has failed in between: the
// owner is held again, and the file goes on from where it was lifted. From the
// statement that has failed it would find no row, and take the key for valid.
func (s *steps) forcedAgain(ctx context.Context) (err error) {
	lifted, from := s.lifted()
	if len(lifted) == 0 {
		return nil
	}
	rest := s.file.statements[s.record.Applied:]
	s.record.Applied, s.record.PartialHashes = from, s.record.PartialHashes[:min(from, len(s.record.PartialHashes))]
	for _, one := range rest {
		found := forcing.FindStringSubmatch(strings.TrimSpace(one.text))
		if found == nil || found[2] != "" || !lifted[found[1]] {
			continue
		}
		if failed := s.force(ctx, one.text); failed != nil {
			err = errors.Join(err, fmt.Errorf("migrate: row-level security is not forced on %s any more, whose owner sees the rows of all tenants: run again, or execute %s: %w",
				found[1], one.text, failed))
		}
		delete(lifted, found[1])
	}
	return err
}

// lifted returns the tables that are not forced at the statement that comes next,
// and the first statement since they are. There are none if there were statements in
// between that are not to be executed twice.
func (s *steps) lifted() (tables map[string]bool, from int) {
	tables = make(map[string]bool)
	for i, one := range s.file.statements[:s.record.Applied] {
		found := forcing.FindStringSubmatch(strings.TrimSpace(one.text))
		switch {
		case found == nil && len(tables) > 0 && !validates(one.text):
			return nil, 0
		case found == nil:
		case found[2] == "":
			delete(tables, found[1])
		default:
			if len(tables) == 0 {
				from = i
			}
			tables[found[1]] = true
		}
	}
	return tables, from
}

// force executes a statement, again while its table is locked.
func (s *steps) force(ctx context.Context, text string) (err error) {
	for try := range lockTries {
		if _, err = s.conn.ExecContext(ctx, text); err == nil || !s.engine.locked(err) || awaitLock(ctx, s.logger, try) != nil {
			break
		}
	}
	return err
}
