package registry

import (
	"encoding/json"
	"slices"
	"strings"
)

func validateMetadata(values map[string]any) error {
	_, err := encodeMetadata(values)
	return err
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
	decoded, err := decodeMetadata(string(text))
	if err != nil {
		return "", err
	}
	if hasNUL(decoded) {
		return "", invalid("Metadata", "it has a NUL character") // which jsonb cannot hold
	}
	return string(text), nil
}

// decodeMetadata reads the text of the metadata column.
func decodeMetadata(text string) (map[string]any, error) {
	var values map[string]any
	if err := json.Unmarshal([]byte(text), &values); err != nil {
		return nil, invalid("Metadata", "it is not a JSON object")
	}
	return values, nil
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
