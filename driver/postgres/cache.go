package postgres

import "container/list"

// cache holds so many statements, the most recently used first. What the server
// needs for one goes by the length of its text: a long one counts for several.
type cache struct {
	limit  int
	unit   int // the bytes of its text for which a statement counts once more
	size   int // of all, as they count
	byKey  map[statementKey]*list.Element
	recent *list.List
}

func newCache(limit, unit int) *cache {
	return &cache{limit: limit, unit: unit, byKey: map[statementKey]*list.Element{}, recent: list.New()}
}

func (c *cache) counts(key statementKey) int { return 1 + len(key.sql)/c.unit }

// fits reports that a statement would push out none.
func (c *cache) fits(key statementKey) bool { return c.size+c.counts(key) <= c.limit }

func (c *cache) get(key statementKey) *statement {
	element, ok := c.byKey[key]
	if !ok {
		return nil
	}
	c.recent.MoveToFront(element)
	return entry(element)
}

// put adds a statement that is not there, and returns those that it pushed out.
// It stays itself, however long it is: it is about to be used.
func (c *cache) put(st *statement) (old []*statement) {
	c.byKey[st.key] = c.recent.PushFront(st)
	c.size += c.counts(st.key)
	for c.size > c.limit && c.recent.Len() > 1 {
		old = append(old, c.remove(entry(c.recent.Back()).key))
	}
	return old
}

// remove returns what it removed, or nil.
func (c *cache) remove(key statementKey) *statement {
	element, ok := c.byKey[key]
	if !ok {
		return nil
	}
	c.recent.Remove(element)
	delete(c.byKey, key)
	c.size -= c.counts(key)
	return entry(element)
}

func (c *cache) clear() {
	clear(c.byKey)
	c.recent.Init()
	c.size = 0
}

func entry(element *list.Element) *statement {
	st, _ := element.Value.(*statement) // nothing else is put there
	return st
}
