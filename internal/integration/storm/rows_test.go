package storm

import (
	"strings"
)

// row is what a worker knows of an order. The zero row is one that is not there.
type row struct {
	there bool
	total int
	items int
}

// change is what an operation does to an order.
type change struct {
	number        string
	before, after row
}

// memory is what a worker has done, and what it does not know.
type memory struct {
	rows   map[string]row
	either map[string]change // the orders of doubts
	doubts [][]change        // each was done as a whole, or not at all
}

func newMemory() memory { return memory{rows: map[string]row{}, either: map[string]change{}} }

// done notes changes.
func (m *memory) done(changes []change) {
	for _, c := range changes {
		if c.after.there {
			m.rows[c.number] = c.after
		} else {
			delete(m.rows, c.number)
		}
	}
}

// doubt notes changes that may have been made, or may yet be.
func (m *memory) doubt(changes []change) {
	for _, c := range changes {
		delete(m.rows, c.number)
		m.either[c.number] = c
	}
	m.doubts = append(m.doubts, changes)
}

// check reports whether an order can be as it was found. Fewer than no items
// are items that were not looked for.
func (m *memory) check(number string, found row) error {
	if c, ok := m.either[number]; ok {
		if found.like(c.before) || found.like(c.after) {
			return nil
		}
		return wrongf("order %s is %+v, neither %+v nor %+v", number, found, c.before, c.after)
	}
	if known := m.rows[number]; !found.like(known) {
		return wrongf("order %s is %+v, want %+v", number, found, known)
	}
	return nil
}

// settled reports whether all orders together can be as they were found.
func (m *memory) settled(found map[string]row) error {
	for number := range m.rows {
		if err := m.check(number, found[number]); err != nil {
			return err
		}
	}
	for _, doubt := range m.doubts {
		before, after := 0, 0
		for _, c := range doubt {
			if found[c.number].like(c.before) {
				before++
			}
			if found[c.number].like(c.after) {
				after++
			}
		}
		if before != len(doubt) && after != len(doubt) {
			return wrongf("of %d changes that belong together %d were made: %+v", len(doubt), after, doubt)
		}
	}
	return nil
}

func (r row) like(o row) bool {
	if r.items < 0 {
		o.items = r.items
	}
	if !o.there {
		return !r.there
	}
	return r == o
}

// owner is the worker whose order has the number.
func owner(number string) string {
	name, _, _ := strings.Cut(number, "-")
	return name
}
