package registry_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/crypt"
	"github.com/entenancy/tenancy/registry"
)

func ExampleNewEncryptedStore() {
	ctx := context.Background()
	cipher, err := crypt.Passphrase("32 characters or more, made at random")
	if err != nil {
		log.Fatal(err)
	}
	below := registry.NewMemoryStore(registry.MemoryConfig{}) // or a store in a database
	store, err := registry.NewEncryptedStore(below, cipher, registry.EncryptedConfig{})
	if err != nil {
		log.Fatal(err)
	}

	acme, err := store.Create(ctx, registry.NewTenant{
		Identifier: "acme", Name: "Acme Inc.",
		Metadata: map[string]any{"region": "eu", "_enc_api_key": "s3cr3t"},
	})
	if err != nil {
		log.Fatal(err)
	}
	key, _ := acme.MetadataValue("_enc_api_key")
	fmt.Println(key)

	// What a process without the key finds.
	kept, err := below.ByID(ctx, acme.ID)
	if err != nil {
		log.Fatal(err)
	}
	region, _ := kept.MetadataValue("region")
	key, _ = kept.MetadataValue("_enc_api_key")
	fmt.Println(region, crypt.Encrypted(fmt.Sprint(key)))
	// Output:
	// s3cr3t
	// eu true
}

func ExampleEncryptedStore_Reencrypt() {
	ctx := context.Background()
	below := registry.NewMemoryStore(registry.MemoryConfig{})
	if _, err := below.Create(ctx, registry.NewTenant{
		Identifier: "acme", Name: "Acme Inc.", Metadata: map[string]any{"_enc_api_key": "from before encryption"},
	}); err != nil {
		log.Fatal(err)
	}

	cipher, err := crypt.Passphrase("the new passphrase, made at random", "the old passphrase, made at random")
	if err != nil {
		log.Fatal(err)
	}
	store, err := registry.NewEncryptedStore(below, cipher, registry.EncryptedConfig{})
	if err != nil {
		log.Fatal(err)
	}
	done, err := store.Reencrypt(ctx, registry.ReencryptConfig{
		Progress: func(p registry.ReencryptProgress) { fmt.Printf("%d of %d\n", p.Seen, p.Total) },
	})
	fmt.Println(done.Changed, "changed", err)
	// Output:
	// 1 of 1
	// 1 changed <nil>
}

// A tenant whose secrets are under another key is broken, and says where.
func ExampleEncryptedStore_ByID() {
	ctx := context.Background()
	below := registry.NewMemoryStore(registry.MemoryConfig{})
	for i, passphrase := range []string{"one passphrase, made at random again", "another passphrase, made at random"} {
		cipher, err := crypt.Passphrase(passphrase)
		if err != nil {
			log.Fatal(err)
		}
		store, err := registry.NewEncryptedStore(below, cipher, registry.EncryptedConfig{})
		if err != nil {
			log.Fatal(err)
		}
		if i == 0 {
			_, err = store.Create(ctx, registry.NewTenant{ID: "42", Identifier: "acme", Name: "Acme", Metadata: map[string]any{"_enc_key": 1}})
		} else {
			_, err = store.ByID(ctx, "42")
		}
		fmt.Println(errors.Is(err, tenancy.ErrInvalidTenant), errors.Is(err, crypt.ErrDecrypt))
	}
	// Output:
	// false false
	// true true
}
