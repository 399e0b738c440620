package crypt_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"strings"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/entenancy/tenancy/crypt"
)

func ExamplePassphrase() {
	ctx := context.Background()
	cipher, err := crypt.Passphrase("never in the source: " + "openssl rand -base64 32")
	if err != nil {
		log.Fatal(err)
	}

	text, err := cipher.Encrypt(ctx, "t1", "api key", "s3cr3t")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(crypt.Encrypted(text))

	plaintext, err := cipher.Decrypt(ctx, "t1", "api key", text)
	fmt.Println(plaintext, err)

	_, err = cipher.Decrypt(ctx, "t2", "api key", text)
	fmt.Println(errors.Is(err, crypt.ErrDecrypt))
	// Output:
	// true
	// s3cr3t <nil>
	// true
}

// The file is one of "tinkey create-keyset --key-template AES256_GCM --out-format json".
func ExampleReadKeyset() {
	file := strings.NewReader(`{"primaryKeyId":1936702849,"key":[{
		"keyData":{"typeUrl":"type.googleapis.com/google.crypto.tink.AesGcmKey",
			"value":"GiApOx9MDZmDNo5FT5DejPzcpdEuVRlVtOIDKbn1UMTN+A==","keyMaterialType":"SYMMETRIC"},
		"status":"ENABLED","keyId":1936702849,"outputPrefixType":"TINK"}]}`)
	cipher, err := crypt.ReadKeyset(file)
	fmt.Println(cipher, err)
	// Output: crypt.Cipher([redacted]) <nil>
}

// A keyset that a key management service has encrypted: the service is asked
// once, when the process starts.
func ExampleKeyset() {
	ctx := context.Background()
	kms, file := connectToKMS()
	handle, err := keyset.ReadWithContext(ctx, keyset.NewJSONReader(file), kms, nil)
	if err != nil {
		log.Fatal(err)
	}
	cipher, err := crypt.Keyset(handle)
	fmt.Println(cipher, err)
	// Output: crypt.Cipher([redacted]) <nil>
}

// A service that does each encryption itself, and knows its old keys.
func ExampleAEADWithContext() {
	kms, _ := connectToKMS()
	cipher, err := crypt.AEADWithContext(kms)
	fmt.Println(cipher, err)
	// Output: crypt.Cipher([redacted]) <nil>
}

// Envelope encryption: each text has a key of its own, which the service encrypts.
func ExampleAEAD() {
	var kms tink.AEAD = startService()
	cipher, err := crypt.AEAD(aead.NewKMSEnvelopeAEAD2(aead.AES256GCMKeyTemplate(), kms))
	fmt.Println(cipher, err)
	// Output: crypt.Cipher([redacted]) <nil>
}

// From a passphrase to a keyset, while processes of both kinds run.
func ExampleCipher_Accepting() {
	ctx := context.Background()
	old, err := crypt.Passphrase("the passphrase of the first years")
	if err != nil {
		log.Fatal(err)
	}
	handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		log.Fatal(err)
	}
	keys, err := crypt.Keyset(handle)
	if err != nil {
		log.Fatal(err)
	}

	first := old.Accepting(keys)  // write as before, read both
	second := keys.Accepting(old) // write with the keyset, read both

	text, err := first.Encrypt(ctx, "t1", "api key", "s3cr3t")
	if err != nil {
		log.Fatal(err)
	}
	plaintext, err := second.Decrypt(ctx, "t1", "api key", text)
	fmt.Println(plaintext, err, second.Current(ctx, "t1", "api key", text))
	// Output: s3cr3t <nil> false
}

// connectToKMS stands for the client of a service, and for a keyset that it has encrypted.
func connectToKMS() (*service, *bytes.Buffer) {
	kms, file := startService(), &bytes.Buffer{}
	handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		log.Fatal(err)
	}
	if err := handle.WriteWithContext(context.Background(), keyset.NewJSONWriter(file), kms, nil); err != nil {
		log.Fatal(err)
	}
	return kms, file
}

func startService() *service {
	handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		log.Fatal(err)
	}
	primitive, err := aead.New(handle)
	if err != nil {
		log.Fatal(err)
	}
	return &service{AEAD: primitive}
}
