package middleware

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"

	"github.com/golang-jwt/jwt/v5"
)

// tokenKeys are what tokens are verified with, and the algorithms that are for
// keys of that kind: one for a public key is never tried with a secret.
type tokenKeys struct {
	algorithms []string
	find       func(context.Context) jwt.Keyfunc
}

// minRSA is the least number of bits of an RSA key (RFC 7518 §3.3).
const minRSA = 2048

func newTokenKeys(cfg JWTConfig) (tokenKeys, error) {
	switch {
	case cfg.Keys != nil && cfg.Secret == nil && cfg.PublicKey == nil:
		possible := []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
		algorithms, err := allowed(cfg.Algorithms, possible, "RS256", "ES256", "EdDSA")
		return tokenKeys{algorithms, cfg.Keys.find}, err
	case cfg.PublicKey != nil && cfg.Secret == nil && cfg.Keys == nil:
		return publicKey(cfg)
	case cfg.Secret != nil && cfg.PublicKey == nil && cfg.Keys == nil:
		return secret(cfg)
	default:
		return tokenKeys{}, errors.New("JWTConfig.Secret, PublicKey, Keys: exactly one has to be set")
	}
}

// fixed returns keys that are always the same.
func fixed(key any, algorithms []string) tokenKeys {
	var find jwt.Keyfunc = func(*jwt.Token) (any, error) { return key, nil }
	return tokenKeys{algorithms, func(context.Context) jwt.Keyfunc { return find }}
}

// secret returns the key of HMACs. It is at least as long as the hash
// (RFC 7518 §3.2).
func secret(cfg JWTConfig) (tokenKeys, error) {
	algorithms, err := allowed(cfg.Algorithms, []string{"HS256", "HS384", "HS512"}, "HS256")
	if err != nil {
		return tokenKeys{}, err
	}
	for _, algorithm := range algorithms {
		sizes := map[string]int{"HS256": 32, "HS384": 48, "HS512": 64}
		if len(cfg.Secret) < sizes[algorithm] {
			return tokenKeys{}, fmt.Errorf("JWTConfig.Secret: it has to have at least %d bytes for %s", sizes[algorithm], algorithm)
		}
	}
	return fixed(slices.Clone(cfg.Secret), algorithms), nil
}

func publicKey(cfg JWTConfig) (tokenKeys, error) {
	key, err := parsePublicKey(cfg.PublicKey)
	if err != nil {
		return tokenKeys{}, err
	}
	var possible []string
	switch key := key.(type) {
	case *rsa.PublicKey:
		if key.N.BitLen() < minRSA {
			return tokenKeys{}, fmt.Errorf("JWTConfig.PublicKey: an RSA key has to have at least %d bits", minRSA)
		}
		possible = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}
	case *ecdsa.PublicKey:
		curves := map[int]string{256: "ES256", 384: "ES384", 521: "ES512"}
		if name, ok := curves[key.Curve.Params().BitSize]; ok {
			possible = []string{name}
		}
	case ed25519.PublicKey:
		possible = []string{"EdDSA"}
	}
	if possible == nil {
		return tokenKeys{}, errors.New("JWTConfig.PublicKey: a key of a kind that tokens are not signed with")
	}
	algorithms, err := allowed(cfg.Algorithms, possible, possible[0])
	return fixed(key, algorithms), err
}

// parsePublicKey reads the one PEM block that there is.
func parsePublicKey(text []byte) (crypto.PublicKey, error) {
	block, rest := pem.Decode(text)
	if block == nil {
		return nil, errors.New("JWTConfig.PublicKey: it is not PEM")
	}
	if next, _ := pem.Decode(rest); next != nil {
		return nil, errors.New("JWTConfig.PublicKey: it has more than one block")
	}
	switch block.Type {
	case "PUBLIC KEY":
		if key, err := x509.ParsePKIXPublicKey(block.Bytes); err == nil {
			return key, nil
		}
	case "RSA PUBLIC KEY":
		if key, err := x509.ParsePKCS1PublicKey(block.Bytes); err == nil {
			return key, nil
		}
	case "CERTIFICATE":
		if certificate, err := x509.ParseCertificate(block.Bytes); err == nil {
			return certificate.PublicKey, nil
		}
	default:
		return nil, errors.New("JWTConfig.PublicKey: neither a public key nor a certificate")
	}
	return nil, errors.New("JWTConfig.PublicKey: its block cannot be read")
}

// allowed returns the algorithms that are asked for, if keys of this kind can
// have them.
func allowed(asked, possible []string, defaults ...string) ([]string, error) {
	if len(asked) == 0 {
		return defaults, nil
	}
	for _, algorithm := range asked {
		if !slices.Contains(possible, algorithm) {
			return nil, fmt.Errorf("JWTConfig.Algorithms: %q is not for this kind of key; those that are: %q", algorithm, possible)
		}
	}
	return slices.Clone(asked), nil
}
