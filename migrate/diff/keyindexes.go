package diff

import (
	"slices"

	atlas "ariga.io/atlas/sql/schema"
)

// keyIndexes returns the indexes that have the name of a foreign key, by table, such
// as MySQL makes one for each key. Atlas takes them out of what it compares.
func keyIndexes(current *atlas.Schema) map[string][]*atlas.Index {
	made := make(map[string][]*atlas.Index)
	for _, t := range current.Tables {
		for _, key := range t.ForeignKeys {
			if index, ok := t.Index(key.Symbol); ok {
				made[t.Name] = append(made[t.Name], index)
			}
		}
	}
	return made
}

// dropKeyIndexes adds to the changes of a table of MySQL that the index of a key goes
// with the key: the server leaves it.
func dropKeyIndexes(m *atlas.ModifyTable, made []*atlas.Index) {
	drops := slices.Clone(m.Changes)
	for _, index := range made {
		_, wanted := m.T.Index(index.Name)
		if !wanted && !dropsIndex(m.Changes, index.Name) && dropsKey(m.Changes, index.Name) {
			drops = append(drops, &atlas.DropIndex{I: index})
		}
	}
	m.Changes = drops
}

func dropsIndex(changes []atlas.Change, name string) bool {
	return slices.ContainsFunc(changes, func(c atlas.Change) bool {
		drop, ok := c.(*atlas.DropIndex)
		return ok && drop.I.Name == name
	})
}

func dropsKey(changes []atlas.Change, symbol string) bool {
	return slices.ContainsFunc(changes, func(c atlas.Change) bool {
		drop, ok := c.(*atlas.DropForeignKey)
		return ok && drop.F.Symbol == symbol
	})
}
