package migratediff_test

import "testing"

// TestColumnsAreDroppedWithTheirKeys drops a column that is unique, one of an edge and one with a check.
func TestColumnsAreDroppedWithTheirKeys(t *testing.T) {
	t.Parallel()
	for title, change := range map[string]func(evolving){
		"unique, edge and check": func(e evolving) {
			lose(e.users, "name")
			lose(e.users, "age")
			lose(e.orders, "owner_id")
			e.users.Annotation = nil
		},
		"check of two": func(e evolving) {
			lose(e.users, "name")
			e.users.Annotation.Checks = map[string]string{"some_age": "age >= 0"}
		},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			onEach(t, func(t *testing.T, name string) {
				t.Helper()
				e := newEvolving()
				if title == "check of two" {
					e.users.Annotation.Checks = map[string]string{"positive_age": "age >= 0 AND name <> ''"}
				}
				config := having(shop(t, name), e.users, e.orders)
				named(t, config, "init")
				change(e)
				runs(t, having(config, e.users, e.orders))
			})
		})
	}
}
