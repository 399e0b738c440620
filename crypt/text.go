package crypt

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strings"

	"github.com/entenancy/tenancy"
)

const (
	// mark begins a ciphertext of whatever version.
	mark = "tenancy:enc:"
	// version1 is the format that this version of the package writes.
	version1 = mark + "v1:"
)

// Encrypted reports whether a text has the form of a ciphertext: whether it
// begins with "tenancy:enc:". Whether it opens, only Decrypt can tell.
func Encrypted(text string) bool { return strings.HasPrefix(text, mark) }

func encode(sealed []byte) string {
	return version1 + base64.RawURLEncoding.EncodeToString(sealed)
}

// decode takes one spelling of a ciphertext only, so that no two texts are the same.
func decode(text string) ([]byte, error) {
	payload, ok := strings.CutPrefix(text, version1)
	switch {
	case !Encrypted(text):
		return nil, errors.New("it is not a ciphertext")
	case !ok:
		return nil, errors.New("a newer version of this module wrote it")
	case strings.ContainsAny(payload, "\r\n"): // which encoding/base64 skips
		return nil, errors.New("the text is damaged")
	}
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(payload)
	if err != nil {
		return nil, errors.New("the text is damaged")
	}
	return sealed, nil
}

// associatedData ties a ciphertext to the place that it was made for. With the
// length of each part before it, no two places have the same.
func associatedData(id tenancy.ID, field string) []byte {
	data := make([]byte, 0, len(version1)+2*8+len(id)+len(field))
	data = append(data, version1...)
	data = binary.BigEndian.AppendUint64(data, uint64(len(id)))
	data = append(data, id...)
	data = binary.BigEndian.AppendUint64(data, uint64(len(field)))
	return append(data, field...)
}
