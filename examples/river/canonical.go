package main

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
)

// canonical returns the one form of all texts of a JSON value. The database keeps
// JSON in a form of its own: with other blanks, with keys in another order, and
// with the number 1e-7 as 0.0000001.
func canonical(text []byte) ([]byte, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	return json.Marshal(withCanonicalNumbers(value))
}

func withCanonicalNumbers(value any) any {
	switch v := value.(type) {
	case json.Number:
		return canonicalNumber(v)
	case []any:
		for i := range v {
			v[i] = withCanonicalNumbers(v[i])
		}
	case map[string]any:
		for key := range v {
			v[key] = withCanonicalNumbers(v[key])
		}
	}
	return value
}

// canonicalNumber returns a number as its digits, without zeros at either end, and
// a power of ten. It works on the text, so that 1e1000000 takes no more memory
// than it does.
func canonicalNumber(n json.Number) json.Number {
	mantissa, power, scientific := strings.Cut(strings.ToLower(string(n)), "e")
	exponent := 0
	if scientific {
		parsed, err := strconv.ParseInt(power, 10, 32)
		if err != nil { // no database keeps such a number
			return n
		}
		exponent = int(parsed)
	}
	unsigned, negative := strings.CutPrefix(mantissa, "-")
	whole, fraction, _ := strings.Cut(unsigned, ".")
	digits := strings.TrimLeft(whole+fraction, "0")
	shortest := strings.TrimRight(digits, "0")
	if shortest == "" { // -0, too
		return "0"
	}
	exponent += len(digits) - len(shortest) - len(fraction)
	if negative {
		shortest = "-" + shortest
	}
	return json.Number(shortest + "e" + strconv.Itoa(exponent))
}
