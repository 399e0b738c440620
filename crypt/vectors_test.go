package crypt_test

import (
	"strings"
	"testing"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/crypt"
)

// TestVectors opens what version 1 wrote when it was made. It has to open for
// ever: a change that breaks this test loses the secrets of every registry.
func TestVectors(t *testing.T) {
	t.Parallel()
	for _, v := range []struct {
		key        func(testing.TB) *crypt.Cipher
		id         tenancy.ID
		field      string
		plaintext  string
		ciphertext string
	}{
		{
			fixedPassphrase("a first passphrase for tests only"),
			"t1", "database_url", "postgres://app:secret@db/acme",
			"tenancy:enc:v1:AZmLVUZeVKX9YCnsNlUpfJyzCOID7Scp2OkROgrMZBOLAgXpEMsUxtuvTsm9YwVhELd_5Zdtcuvo5GMn-ic",
		},
		{
			fixedPassphrase("a second passphrase for tests only"),
			"0190b6a2-7d6e-7cc3-98c4-dc0c0c07398f", `metadata["_enc_token"]`, `{"nested":[1,null,"ä"]}`,
			"tenancy:enc:v1:AWFvjB7vwgEFsdr8tQWZNcanUu63oID7FHYW0qlap1lcr0Y2UxJZs2g16LiUcrbpJWNqj78YElQW",
		},
		{
			fixedPassphrase("ein Kennwort mit Umlauten äöüß €€"),
			"größe/1", "f", "",
			"tenancy:enc:v1:AZ6Atw5Ks1YtH3YsGrb5Bn10yc2wY-2TKqG-HrsrAUbH",
		},
		{
			fixedKeyset(`{"primaryKeyId":1936702849,"key":[{"keyData":{"typeUrl":"type.googleapis.com/google.crypto.tink.AesGcmKey",` +
				`"value":"GiApOx9MDZmDNo5FT5DejPzcpdEuVRlVtOIDKbn1UMTN+A==","keyMaterialType":"SYMMETRIC"},` +
				`"status":"ENABLED","keyId":1936702849,"outputPrefixType":"TINK"}]}`),
			"t1", "database_url", "postgres://app:secret@db/acme",
			"tenancy:enc:v1:AXNvvYHQrbAl664isvJt1P0mvStvmjNlAYSale7M6WVDGLgAFurN-_oSAMbc1fEWR25rIiEJcJ3PTME6bGU",
		},
	} {
		got, err := v.key(t).Decrypt(t.Context(), v.id, v.field, v.ciphertext)
		if err != nil || got != v.plaintext {
			t.Errorf("%s: got %q and %v, want %q", v.ciphertext, got, err, v.plaintext)
		}
	}
}

func fixedPassphrase(text string) func(testing.TB) *crypt.Cipher {
	return func(tb testing.TB) *crypt.Cipher {
		tb.Helper()
		return passphrase(tb, text)
	}
}

func fixedKeyset(text string) func(testing.TB) *crypt.Cipher {
	return func(tb testing.TB) *crypt.Cipher {
		tb.Helper()
		c, err := crypt.ReadKeyset(strings.NewReader(text))
		if err != nil {
			tb.Fatal(err)
		}
		return c
	}
}
