package registrytest

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/registry"
)

func metadataTests() map[string]func(*testing.T, registry.Store) {
	return map[string]func(*testing.T, registry.Store){
		"MergeMetadata":           testMerge,
		"MergeMetadata/keys":      testMergeKeys,
		"MergeMetadata/at once":   testMergesAtOnce,
		"MergeMetadata/refused":   testMergeRefused,
		"MergeMetadata/numbers":   testMergeNumbers,
		"MergeMetadata/many keys": testMergeManyKeys,
	}
}

// object keeps the tests short.
type object = map[string]any

// Values are replaced and never mixed, and null is a value like another.
func testMerge(t *testing.T, s registry.Store) {
	for i, test := range []struct {
		before, values object
		remove         []string
		want           object
	}{
		{nil, nil, nil, object{}},
		{nil, object{"a": 1.0}, nil, object{"a": 1.0}},
		{object{"a": 1.0}, nil, nil, object{"a": 1.0}},
		{object{"a": 1.0}, object{}, nil, object{"a": 1.0}},
		{object{"a": 1.0}, object{"b": 2.0}, nil, object{"a": 1.0, "b": 2.0}},
		{object{"a": 1.0, "b": 2.0}, object{"b": "x"}, nil, object{"a": 1.0, "b": "x"}},
		{object{"a": object{"x": 1.0}}, object{"a": object{"y": 2.0}}, nil, object{"a": object{"y": 2.0}}},
		{object{"a": []any{1.0}}, object{"a": []any{2.0}}, nil, object{"a": []any{2.0}}},
		{object{"a": 1.0}, object{"a": object{"y": nil, "z": object{"n": nil}}}, nil, object{"a": object{"y": nil, "z": object{"n": nil}}}},
		{object{"keep": object{"n": nil, "l": []any{nil}}, "n": nil}, object{"a": true}, nil, object{"keep": object{"n": nil, "l": []any{nil}}, "n": nil, "a": true}},
		{object{"a": 1.0}, object{"a": nil}, nil, object{"a": nil}},
		{object{"a": nil}, object{"a": 1.0}, nil, object{"a": 1.0}},
		{object{"a": 1.0, "b": 2.0}, nil, []string{"a"}, object{"b": 2.0}},
		{object{"a": 1.0}, nil, []string{"a"}, object{}},
		{object{"a": 1.0}, nil, []string{"b", "b"}, object{"a": 1.0}},
		{object{"\xff": 1.0, "a": 2.0}, nil, []string{"\xff"}, object{"a": 2.0}}, // which is kept as U+FFFD
		{object{"a": object{"b": 1.0}}, nil, []string{"b", "a.b", "$.a"}, object{"a": object{"b": 1.0}}},
		{object{"a": 1.0, "b": 2.0}, object{"c": 3.0}, []string{"a"}, object{"b": 2.0, "c": 3.0}},
		{object{"a": 1.0}, object{"a": 2.0}, []string{"a"}, object{"a": 2.0}},
		{object{"a": 1.0, "A": 2.0}, object{"A": 3.0}, nil, object{"a": 1.0, "A": 3.0}},
		{object{"n": 0.1, "m": 1e300, "k": -12345678901234.0}, object{"o": 1e-300}, nil, object{"n": 0.1, "m": 1e300, "k": -12345678901234.0, "o": 1e-300}},
		{object{"a": ""}, object{"b": false}, nil, object{"a": "", "b": false}},
		{object{"a": object{}, "b": []any{}}, object{"c": object{}}, nil, object{"a": object{}, "b": []any{}, "c": object{}}},
	} {
		n := active(fmt.Sprint("tenant-", i))
		n.Metadata = test.before
		before := create(t, s, n)
		got, err := s.MergeMetadata(t.Context(), before.ID, test.values, test.remove...)
		want := before.WithMetadata(test.want)
		want.Version, want.UpdatedAt = before.Version+1, got.UpdatedAt
		wantTenant(t, fmt.Sprintf("%v + %v - %v", test.before, test.values, test.remove), got, err, want)
		wantStored(t, s, want)
	}
}

// Keys are any text, compared byte by byte.
func testMergeKeys(t *testing.T, s registry.Store) {
	acme := create(t, s, active("acme"))
	keys := []string{
		"", " ", ".", "$", "$.a", "a.b", `"`, `a"b`, `\`, `a\`, `\"`, `\u0061`, "'", "';--", "`", "é", "e\u0301", "E", "e", "ß", "東京", "🏢",
		"<&>", "\u2028", "\t", "\n", "\x01", "[0]", "*", "%", "?", "$1", ":a", "{}", ",", strings.Repeat("k", 5000), "_enc_key",
	}
	want := object{}
	for i, key := range keys {
		want[key] = float64(i)
		got, err := s.MergeMetadata(t.Context(), acme.ID, object{key: float64(i)})
		if err != nil || !reflect.DeepEqual(got.Metadata(), want) {
			t.Fatalf("put %.20q: got %v and %v, want %v", key, got.Metadata(), err, want)
		}
	}
	for i, key := range keys { // once more, over what is there
		want[key] = object{"key": key, "n": float64(i)}
		got, err := s.MergeMetadata(t.Context(), acme.ID, object{key: want[key]})
		if err != nil || !reflect.DeepEqual(got.Metadata(), want) {
			t.Fatalf("put %.20q again: got %v and %v, want %v", key, got.Metadata(), err, want)
		}
	}
	for _, key := range keys {
		delete(want, key)
		got, err := s.MergeMetadata(t.Context(), acme.ID, nil, key)
		if err != nil || !reflect.DeepEqual(got.Metadata(), want) {
			t.Fatalf("remove %.20q: got %v and %v, want %v", key, got.Metadata(), err, want)
		}
	}
}

func testMergesAtOnce(t *testing.T, s registry.Store) {
	const merges = 20
	n := active("acme")
	n.Metadata = object{"there": true}
	acme := create(t, s, n)
	want := object{"there": true}
	var wg sync.WaitGroup
	for i := range merges {
		key := fmt.Sprint("key-", i)
		want[key] = float64(i)
		wg.Go(func() {
			if _, err := s.MergeMetadata(t.Context(), acme.ID, object{key: i}); err != nil {
				t.Errorf("%s: %v", key, err)
			}
		})
	}
	wg.Wait()
	got, err := s.ByID(t.Context(), acme.ID)
	if err != nil || !reflect.DeepEqual(got.Metadata(), want) || got.Version != acme.Version+merges {
		t.Errorf("got %s and %v, want %v after %d changes", fields(got), err, want, merges)
	}
}

func testMergeRefused(t *testing.T, s registry.Store) {
	acme := create(t, s, active("acme"))
	for name, values := range map[string]object{
		"function": {"k": func() {}}, "not a number": {"k": math.NaN()}, "NUL": {"k": "hidden\x00"}, "NUL in a key": {"hidden\x00": ""},
		"too deep": nested(31),
	} {
		got, err := s.MergeMetadata(t.Context(), acme.ID, values)
		wantError(t, name, got, err, tenancy.ErrInvalidTenant)
		if err != nil && strings.Contains(err.Error(), "hidden") {
			t.Errorf("%s: the error repeats what it was given: %v", name, err)
		}
	}
	got, err := s.MergeMetadata(t.Context(), acme.ID, object{"k": "v"}, "k", "hidden\x00")
	wantError(t, "NUL in a key that is to go", got, err, tenancy.ErrInvalidTenant)
	if err != nil && strings.Contains(err.Error(), "hidden") {
		t.Errorf("the error repeats what it was given: %v", err)
	}
	got, err = s.MergeMetadata(t.Context(), "gone", object{"k": "v"})
	wantError(t, "no such tenant", got, err, tenancy.ErrNotFound)
	wantStored(t, s, acme)
}

// A number that would come back as another is refused: the next one who reads
// the tenant and writes it back would change it. Any float64 is kept.
func testMergeNumbers(t *testing.T, s registry.Store) {
	acme := create(t, s, active("acme"))
	for i, number := range changingNumbers() {
		got, err := s.MergeMetadata(t.Context(), acme.ID, object{"k": number})
		wantError(t, fmt.Sprint("number ", i), got, err, tenancy.ErrInvalidTenant)
	}
	wantStored(t, s, acme)
	for i, number := range []any{
		0, int64(1<<53 - 1), int64(-1 << 53), 0.1, float32(0.1), 1.0 / 3, 123456789012345680000.0, json.Number("1.50"), json.Number("-12E+3"),
	} {
		text, err := json.Marshal(number)
		if err != nil {
			t.Fatal(err)
		}
		var want float64
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatal(err)
		}
		got, err := s.MergeMetadata(t.Context(), acme.ID, object{"k": number})
		if err != nil {
			t.Errorf("number %d: %v", i, err)
			continue
		}
		if again, err := s.Update(t.Context(), got); err != nil || again.Metadata()["k"] != want {
			t.Errorf("number %d: got %v and %v, want %v", i, again.Metadata(), err, want)
		}
	}
}

func testMergeManyKeys(t *testing.T, s registry.Store) {
	acme := create(t, s, active("acme"))
	want, remove := object{}, []string{}
	for i := range 2000 {
		key := fmt.Sprint("key-", i)
		want[key] = strings.Repeat("x", 100)
		remove = append(remove, key)
	}
	got, err := s.MergeMetadata(t.Context(), acme.ID, want)
	if err != nil || !reflect.DeepEqual(got.Metadata(), want) {
		t.Fatalf("put: got %d keys and %v, want %d", len(got.Metadata()), err, len(want))
	}
	got, err = s.MergeMetadata(t.Context(), acme.ID, nil, remove[1:]...)
	if err != nil || len(got.Metadata()) != 1 {
		t.Errorf("remove: got %d keys and %v, want 1", len(got.Metadata()), err)
	}
}
