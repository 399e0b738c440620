package crypt_test

import (
	"testing"
)

func BenchmarkDecrypt(b *testing.B) {
	current, old := passphrase(b, firstPassphrase), passphrase(b, secondPassphrase)
	both := current.Accepting(old)
	const url = "postgres://app:some-password@db.internal:5432/acme?sslmode=verify-full"
	for name, text := range map[string]string{"newest key": encrypt(b, current, "t1", "f", url), "older key": encrypt(b, old, "t1", "f", url)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := both.Decrypt(b.Context(), "t1", "f", text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
