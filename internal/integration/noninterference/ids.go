package noninterference

import (
	"fmt"
	"maps"
	"slices"
	"sync"
)

// ids is the ids of a tenant's rows, which other tenants look at to try them.
type ids struct {
	mu    sync.Mutex
	known map[kind]map[string]int
}

func (i *ids) get(k kind, key string) (int, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	id, known := i.known[k][key]
	return id, known
}

func (i *ids) set(k kind, key string, id int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.known[k] == nil {
		i.known[k] = map[string]int{}
	}
	i.known[k][key] = id
}

// snapshot returns a copy.
func (i *ids) snapshot() map[kind]map[string]int {
	i.mu.Lock()
	defer i.mu.Unlock()
	c := map[kind]map[string]int{}
	for k, ids := range i.known {
		c[k] = maps.Clone(ids)
	}
	return c
}

// restore forgets the ids of rows that were rolled back: SQLite uses them again.
func (i *ids) restore(snapshot map[kind]map[string]int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.known = snapshot
}

// nobodys is an id that no row has.
const nobodys = 2_000_000_000

// find returns the id of a row. What the tenant has not been told it asks for.
func (t *tenant) find(k kind, key string) int {
	if key == strangers {
		return t.strangersID(k)
	}
	if id, known := t.ids.get(k, key); known {
		return id
	}
	client := t.run.client
	if t.tx != nil {
		client = t.tx.Client()
	}
	text := mark(t.number) + "." + key + "|"
	id, err := idByText(t.ctx, client, k, text)
	for range t.run.place.Connections {
		if err == nil || t.tx != nil || !t.run.mayLose(err) {
			break
		}
		id, err = idByText(t.ctx, client, k, text)
	}
	if err != nil {
		return nobodys
	}
	t.ids.set(k, key, id)
	return id
}

// strangersID returns the id of a row of another tenant's that is not one of
// the tenant's own, which can be in separate places.
func (t *tenant) strangersID(k kind) int {
	for key := range t.made[k] {
		t.find(k, fmt.Sprint(string(k), key+1))
	}
	own := slices.Collect(maps.Values(t.ids.snapshot()[k]))
	for i := range t.run.tenants {
		other := t.run.tenants[(t.number+1+i)%len(t.run.tenants)].ids.snapshot()[k]
		for _, key := range slices.SortedFunc(maps.Keys(other), inOrder) {
			if id := other[key]; !slices.Contains(own, id) {
				return id
			}
		}
	}
	return nobodys
}
