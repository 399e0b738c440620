package registry

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

func validateMetadata(values map[string]any) error {
	_, err := encodeMetadata(values)
	return err
}

// absent returns an object with the keys, whose values are null.
func absent(keys []string) map[string]any {
	nulls := make(map[string]any, len(keys))
	for _, key := range keys {
		nulls[key] = nil
	}
	return nulls
}

// encodeMetadata returns the text of the metadata column.
func encodeMetadata(values map[string]any) (string, error) {
	if len(values) == 0 {
		return "{}", nil
	}
	text, err := json.Marshal(values)
	if err != nil {
		return "", invalid("Metadata", "it is not JSON") // err would repeat a value
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var decoded map[string]any
	if err := decoder.Decode(&decoded); err != nil {
		return "", invalid("Metadata", "it is not a JSON object")
	}
	switch {
	case changesNumber(decoded):
		return "", invalid("Metadata", "it has a number that a float64 would write otherwise: give it as a text")
	case hasNUL(decoded):
		return "", invalid("Metadata", "it has a NUL character") // which jsonb cannot hold
	case depth(decoded) > maxMetadataDepth:
		return "", invalid("Metadata", fmt.Sprintf("it is nested deeper than %d levels", maxMetadataDepth))
	}
	return string(text), nil
}

// decodeMetadata reads the text of the metadata column.
func decodeMetadata(text string) (map[string]any, error) {
	var values map[string]any
	if err := json.Unmarshal([]byte(text), &values); err != nil || values == nil {
		return nil, invalid("Metadata", "it is not a JSON object")
	}
	return values, nil
}

// maxMetadataDepth is one less than what MariaDB takes for JSON, so that the
// object that a value is merged from fits as well.
const maxMetadataDepth = 30

// depth returns how many objects and lists are inside each other.
func depth(value any) int {
	deepest := 0
	switch value := value.(type) {
	case []any:
		for _, v := range value {
			deepest = max(deepest, depth(v))
		}
	case map[string]any:
		for _, v := range value {
			deepest = max(deepest, depth(v))
		}
	default:
		return 0
	}
	return deepest + 1
}

func hasNUL(value any) bool {
	switch value := value.(type) {
	case string:
		return strings.ContainsRune(value, 0)
	case []any:
		return slices.ContainsFunc(value, hasNUL)
	case map[string]any:
		for k, v := range value {
			if hasNUL(k) || hasNUL(v) {
				return true
			}
		}
	}
	return false
}
