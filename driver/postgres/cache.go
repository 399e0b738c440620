package postgres

import "container/list"

// cache holds so many statements, the most recently used first.
type cache struct {
	limit  int
	byKey  map[statementKey]*list.Element
	recent *list.List
}

func newCache(limit int) *cache {
	return &cache{limit: limit, byKey: map[statementKey]*list.Element{}, recent: list.New()}
}

func (c *cache) full() bool { return c.recent.Len() >= c.limit }

func (c *cache) get(key statementKey) *statement {
	element, ok := c.byKey[key]
	if !ok {
		return nil
	}
	c.recent.MoveToFront(element)
	return entry(element)
}

// put adds a statement that is not there, and returns the one that it pushed out.
func (c *cache) put(st *statement) (old *statement) {
	c.byKey[st.key] = c.recent.PushFront(st)
	if c.recent.Len() > c.limit {
		return c.remove(entry(c.recent.Back()).key)
	}
	return nil
}

// remove returns what it removed, or nil.
func (c *cache) remove(key statementKey) *statement {
	element, ok := c.byKey[key]
	if !ok {
		return nil
	}
	c.recent.Remove(element)
	delete(c.byKey, key)
	return entry(element)
}

func (c *cache) clear() {
	clear(c.byKey)
	c.recent.Init()
}

func entry(element *list.Element) *statement {
	st, _ := element.Value.(*statement) // nothing else is put there
	return st
}
