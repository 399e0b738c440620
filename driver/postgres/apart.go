package postgres

import (
	"encoding/binary"
	"hash/maphash"
	"sync"
	"sync/atomic"

	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// firstOwnOID is the first that PostgreSQL gives to what is not built in,
	// FirstNormalObjectId of its access/transam.h.
	firstOwnOID = 16384
	// mostApart is how many texts are remembered, before all are learned anew.
	mostApart = 4096
)

// apart knows the texts of which schemas cannot share a prepared statement. The
// server analyses a statement anew under another search path, but the types of
// its parameters and columns stay those of the schema that prepared it, and a
// type of the same name in another schema is another type.
//
// It belongs to all connections of a connector: what one has met, none has to
// meet again, in a transaction that cannot be repeated.
type apart struct {
	seed  maphash.Seed
	some  atomic.Bool // most programs have none
	mu    sync.RWMutex
	texts map[uint64]met // a text that has another's hash is kept apart without need
}

// met is what is known of a text.
type met struct {
	schema string // that has prepared it first, for itself
	types  uint64 // that it has there
	same   bool   // another schema has the same types, an extension's for one
	stale  bool   // a shared one has failed, whatever its types are said to be
}

func newApart() apart { return apart{seed: maphash.MakeSeed(), texts: map[uint64]met{}} }

func (a *apart) hash(key statementKey) uint64 {
	var h maphash.Hash
	h.SetSeed(a.seed)
	_, _ = h.WriteString(key.version)
	_ = h.WriteByte(0)
	_, _ = h.WriteString(key.sql)
	return h.Sum64()
}

func (a *apart) get(key statementKey) (known met, ok bool) {
	if !a.some.Load() {
		return met{}, false
	}
	a.mu.RLock()
	defer a.mu.RUnlock()
	known, ok = a.texts[a.hash(key)]
	return known, ok
}

// has reports that each schema needs a statement of its own for the text of key.
func (a *apart) has(key statementKey) bool {
	known, ok := a.get(key)
	return ok && !known.same
}

// suspects reports that a statement has types that may be of one schema alone.
func (a *apart) suspects(key statementKey, desc *pgconn.StatementDescription) bool {
	if _, own := a.typesOf(desc); !own {
		return false
	}
	_, known := a.get(key)
	return !known
}

// learn takes in what types the text has for the schema of key, in a statement of its own.
func (a *apart) learn(key statementKey, desc *pgconn.StatementDescription) {
	types, _ := a.typesOf(desc)
	a.update(key, func(known met, ok bool) met {
		switch {
		case !ok:
			return met{schema: key.schema, types: types}
		case !known.stale && known.schema != key.schema && known.types == types:
			known.same = true
		}
		return known
	})
}

// failed takes in that the shared statement did not fit a schema.
func (a *apart) failed(key statementKey) {
	a.update(key, func(met, bool) met { return met{stale: true} })
}

func (a *apart) update(key statementKey, change func(known met, ok bool) met) {
	hash := a.hash(key)
	a.mu.Lock()
	defer a.mu.Unlock()
	known, ok := a.texts[hash]
	if !ok && len(a.texts) >= mostApart {
		clear(a.texts)
	}
	a.texts[hash] = change(known, ok)
	a.some.Store(true)
}

// typesOf returns a sum of the types of parameters and columns, and whether some are not built in.
func (a *apart) typesOf(desc *pgconn.StatementDescription) (sum uint64, own bool) {
	var h maphash.Hash
	h.SetSeed(a.seed)
	add := func(oid uint32) {
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], oid)
		_, _ = h.Write(b[:])
		own = own || oid >= firstOwnOID
	}
	for _, oid := range desc.ParamOIDs {
		add(oid)
	}
	for i := range desc.Fields {
		add(desc.Fields[i].DataTypeOID)
	}
	return h.Sum64(), own
}
