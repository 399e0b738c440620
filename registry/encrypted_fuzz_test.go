package registry_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/crypt"
	"github.com/entenancy/tenancy/registry"
)

// FuzzEncryptedMetadata writes any metadata through encryption and without.
// It comes back the same, and no secret is left in it meanwhile.
func FuzzEncryptedMetadata(f *testing.F) {
	for _, text := range []string{
		`{}`, `{"a":1,"_enc_b":[null,{"_enc_c":"x"}]}`, `{"a":[{"_enc_b":"x"},["y",{"_enc_":false}]]}`, `{"_enc_a":"tenancy:enc:v1:AAAA"}`,
		`{"a\"][\"_enc_b":{"_enc_\u00ff\ud800":1e400}}`, `{"_enc_n":12345678901234567890,"a":{"_enc_b":{}},"":{"":{"_enc_":null}}}`, `{"_enc_nul":"\u0000"}`,
	} {
		f.Add(text)
	}
	cipher, err := crypt.Passphrase("a passphrase for this test and no other")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var values map[string]any
		if json.Unmarshal([]byte(text), &values) != nil {
			return
		}
		n := registry.NewTenant{ID: "t1", Identifier: "acme", Name: "Acme", Metadata: values}
		plain, below := registry.NewMemoryStore(registry.MemoryConfig{}), registry.NewMemoryStore(registry.MemoryConfig{})
		want, wantErr := plain.Create(t.Context(), n)
		got, err := encryptedStore(t, below, cipher).Create(t.Context(), n)
		if (err == nil) != (wantErr == nil) || !reflect.DeepEqual(got.Metadata(), want.Metadata()) {
			t.Fatalf("got %v and %v, without encryption %v and %v", got.Metadata(), err, want.Metadata(), wantErr)
		}
		if err != nil {
			return
		}
		kept, err := below.ByID(t.Context(), "t1")
		if err != nil {
			t.Fatal(err)
		}
		checkNoSecret(t, kept.Metadata())
	})
}

// checkNoSecret checks that each secret in a value, at any depth, is a ciphertext.
func checkNoSecret(t *testing.T, value any) {
	t.Helper()
	switch value := value.(type) {
	case map[string]any:
		for key, v := range value {
			if !strings.HasPrefix(key, tenancy.SecretPrefix) {
				checkNoSecret(t, v)
			} else if text, ok := v.(string); !ok || !crypt.Encrypted(text) {
				t.Errorf("%q is at rest as %v", key, v)
			}
		}
	case []any:
		for _, v := range value {
			checkNoSecret(t, v)
		}
	}
}
