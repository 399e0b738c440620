package registry

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// changesNumber reports whether a number would come back as another: all come
// back as a float64, and are written like that when the tenant is next changed.
func changesNumber(value any) bool {
	switch value := value.(type) {
	case json.Number:
		return !isFloat64(value.String())
	case []any:
		return slices.ContainsFunc(value, changesNumber)
	case map[string]any:
		for _, v := range value {
			if changesNumber(v) {
				return true
			}
		}
	}
	return false
}

// isFloat64 reports whether a float64 is written as the same number as it was
// read from.
func isFloat64(number string) bool {
	f, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return false
	}
	digits, power := decimal(number)
	kept, keptPower := decimal(strconv.FormatFloat(f, 'e', -1, 64))
	return digits == kept && power == keptPower
}

// decimal returns the digits of a number, without zeros at either end, and the
// power of ten that the last of them counts. The sign makes no difference here.
func decimal(number string) (digits string, power int) {
	mantissa, exponent, _ := strings.Cut(strings.ToLower(strings.TrimPrefix(number, "-")), "e")
	power, _ = strconv.Atoi(exponent) // there may be none; one that is too large for an int is for a float64, too
	whole, fraction, _ := strings.Cut(mantissa, ".")
	all := strings.TrimLeft(whole+fraction, "0")
	digits = strings.TrimRight(all, "0")
	if digits == "" {
		return "", 0
	}
	return digits, power - len(fraction) + len(all) - len(digits)
}
