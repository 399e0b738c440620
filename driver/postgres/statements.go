package postgres

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"

	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// statementPrefix begins the name of every statement of ours on a server.
	statementPrefix = "tenancy_"
	// anySchema stands for the statement that cold schemas share. It is no name.
	anySchema = "\x00"
	// enoughUses is how often a schema runs a text before it gets its own statement:
	// to make one costs the server about as much as one more use of the shared one.
	enoughUses = 2
	// enoughToReplace is the same where its own would push out another. It has to
	// be reached in a window of usesInWindow for each statement that the cache
	// holds, so it takes twice an equal share of them, and a window replaces half
	// of the cache at most. Schemas that are used alike, but are too many for the
	// cache, so leave each other's statements alone.
	enoughToReplace = 8
	usesInWindow    = 4
	// A statement counts once more in its cache for each so many bytes of its text:
	// one has cost the server 15 kB and 40 to 50 times its text.
	commonUnit = 4096
	ownUnit    = 512
	// longText is how long a text is that no schema earns a statement of its own
	// for: one that lists rows or values, and comes in as many variants as there are
	// numbers of them. To run it costs more than to analyse it anew.
	longText = 4096
)

// statementKey tells prepared statements apart. Schemas and the connection's
// own search path have statements of their own, because the server analyses a
// statement anew whenever it is used under another search path.
type statementKey struct{ schema, version, sql string }

// text is what the server gets. A pooler that goes by the text must see the
// version, so it is in there.
func (k statementKey) text() string {
	if k.version == "" {
		return k.sql
	}
	return k.sql + " /* schema " + k.version + " */"
}

// shared is the key of the statement that schemas share.
func (k statementKey) shared() statementKey {
	k.schema = anySchema
	return k
}

// ownText is the text of a statement that must not be another schema's, to a
// pooler that goes by the text neither.
func (k statementKey) ownText() string {
	hash := sha256.Sum256([]byte(k.schema))
	return k.text() + " /* of " + hex.EncodeToString(hash[:8]) + " */"
}

// statement is one that the server has prepared. Nothing of it changes, except
// what its columns scan into.
type statement struct {
	key     statementKey
	by      string // the schema under which a shared one was prepared
	desc    *pgconn.StatementDescription
	formats []int16
	columns []column
}

// statements are those of one connection. It is not safe for concurrent use, as
// the connection is not.
type statements struct {
	common *cache // of the connection's own search path, and of all schemas
	own    *cache // of one schema each
	// closing names those that the server still has and we no longer want. They
	// are closed ahead of the next statement, in its message.
	closing []string
	// uses are those of the shared statements, by schema and text, in a window that
	// is measured in uses of any statement by any schema. It has counted so many.
	uses    map[statementKey]int
	counted int
	named   int
}

func newStatements(config Config) *statements {
	return &statements{
		common: newCache(config.StatementCache, commonUnit),
		own:    newCache(config.SchemaStatements, ownUnit),
		uses:   map[statementKey]int{},
	}
}

func (s *statements) of(key statementKey) *cache {
	if key.schema == "" || key.schema == anySchema {
		return s.common
	}
	return s.own
}

func (s *statements) get(key statementKey) *statement { return s.of(key).get(key) }

func (s *statements) put(st *statement) {
	s.forget(st.key)
	for _, old := range s.of(st.key).put(st) {
		s.close(old.desc.Name)
	}
}

// forget drops a statement, so that it is prepared anew when it is next used.
func (s *statements) forget(key statementKey) {
	if st := s.of(key).remove(key); st != nil {
		s.close(st.desc.Name)
	}
}

// close has the server drop a statement by the way, whether it exists or not.
func (s *statements) close(name string) { s.closing = append(s.closing, name) }

// reset is for when the server has lost them all.
func (s *statements) reset() {
	s.common.clear()
	s.own.clear()
	s.closing = nil
}

// used counts a use by a schema, of whichever statement. With a new window, the
// counts of all start over.
func (s *statements) used() {
	s.counted++
	if s.counted > usesInWindow*s.own.limit {
		s.counted = 1
		clear(s.uses)
	}
}

// hot counts a use of the shared statement and reports whether key has now
// earned one of its own.
func (s *statements) hot(key statementKey) bool {
	if len(key.sql) > longText {
		return false
	}
	enough := enoughUses
	if !s.own.fits(key) {
		enough = enoughToReplace
	}
	s.uses[key]++
	if s.uses[key] < enough {
		return false
	}
	delete(s.uses, key)
	return true
}

// name returns a name for a text that this connection has not used before: a
// pooler may not accept one again. Equal names of different connections mean
// equal texts, whatever a pooler does to them.
func (s *statements) name(schema, text string) string {
	s.named++
	hash := sha256.Sum256([]byte(schema + "\x00" + text))
	return statementPrefix + hex.EncodeToString(hash[:16]) + "_" + strconv.Itoa(s.named)
}
