package main

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
)

// The tour has PostgreSQL write such texts; here are those that it does not keep.
func TestCanonical(t *testing.T) {
	t.Parallel()
	numbers, err := json.Marshal([]float64{1e-7, 1e21, math.Copysign(0, -1), 0.1, 1e-6, 123456789012345680000, -2.5e-9})
	if err != nil {
		t.Fatal(err)
	}
	const asKept = `[0.0000001, 1000000000000000000000, 0, 0.1, 0.000001, 123456789012345680000, -0.0000000025]`
	for _, same := range [][]string{
		{string(numbers), asKept},
		{`{"b":[1.50,10,{"c":100}],"a":null}`, `{"a": null, "b": [1.5, 1E+1, {"c": 1e2}]}`},
		{"0", "-0", "0.00", "0e5", "-0.0e-5"},
		{"1", "1.0", "10e-1", "0.1e+1"},
		{"1" + strings.Repeat("0", 1000), "1e1000"},
	} {
		for _, text := range same[1:] {
			if got, want := form(t, text), form(t, same[0]); got != want {
				t.Errorf("%.100s has the form %.100s, and %.100s has %.100s", text, got, same[0], want)
			}
		}
	}
	for _, other := range [][2]string{
		{"1", "10"},
		{"1", "-1"},
		{"1.5", "15"},
		{"0.15", "0.015"},
		{"1e-7", "1e-8"},
		{"1", `"1"`},
		{"1e1000000", "1e1000001"},
		{"9007199254740993", "9007199254740992"},
		{"1e99999999999999999999", "1e-99999999999999999999"},
	} {
		if got := form(t, other[0]); got == form(t, other[1]) || len(got) > 100 {
			t.Errorf("%s and %s both have the form %.100s", other[0], other[1], got)
		}
	}
}

func form(t *testing.T, text string) string {
	t.Helper()
	got, err := canonical([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return string(got)
}

// What others keep in a job's metadata stays as they have written it.
func TestMetadataOfOthersStays(t *testing.T) {
	t.Parallel()
	for had, want := range map[string]string{
		"":                                 `{"tenancy_envelope":"sealed"}`,
		"null":                             `{"tenancy_envelope":"sealed"}`,
		"{}":                               `{"tenancy_envelope":"sealed"}`,
		`{"id":9007199254740993,"n":1.10}`: `{"id":9007199254740993,"n":1.10,"tenancy_envelope":"sealed"}`,
		`{"tenancy_envelope":"mine"}`:      `{"tenancy_envelope":"sealed"}`,
	} {
		if got, err := withEnvelope([]byte(had), "sealed"); err != nil || string(got) != want {
			t.Errorf("%q became %s, %v, want %s", had, got, err, want)
		}
	}
	if _, err := withEnvelope([]byte("["), "sealed"); err == nil {
		t.Error("metadata that is no JSON is taken")
	}
}
