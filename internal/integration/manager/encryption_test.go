package manager_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/manager"
	"github.com/entenancy/tenancy/registry"
)

// TestEncryptionFromPlaintextToANewKey goes the whole way by configuration: from a registry
// without a key to one that refuses plaintext, and on to another key.
func TestEncryptionFromPlaintextToANewKey(t *testing.T) {
	t.Parallel()
	c := sqliteConfig(t)
	c.Migrations.AtStart = true
	c.Cache.Disabled = true
	c.Audit.Disabled, c.Observe = true, manager.ObserveConfig{NoLog: true, NoMetrics: true} // nothing logs in the background
	files := migrations(t, dialect.SQLite)
	first, second := tenancy.NewSecret(strings.Repeat("1", 32)), tenancy.NewSecret(strings.Repeat("2", 32))
	var told bytes.Buffer
	app := manager.App{Migrations: files, SharedMigrations: files, Logger: slog.New(slog.NewTextHandler(&told, nil))}
	with := func(encryption manager.EncryptionConfig) *manager.Manager {
		c.Encryption = encryption
		return open(t, c, app)
	}
	plain := with(manager.EncryptionConfig{})
	c.Migrations.AtStart = false // which would not get past who is broken
	acme, err := plain.Provision(t.Context(), registry.NewTenant{Identifier: "acme", Name: "Acme", Metadata: map[string]any{"_enc_key": "open"}})
	must(t, err)
	if _, err := plain.Operator().Reencrypt(t.Context(), registry.ReencryptConfig{}); err == nil || !strings.Contains(err.Error(), "TENANCY_ENCRYPTION_KEY") {
		t.Errorf("without a key: %v", err)
	}
	reads := func(what string, m *manager.Manager, want error) {
		t.Helper()
		got, err := m.Store().ByID(t.Context(), acme.ID)
		if key, _ := got.MetadataValue("_enc_key"); !errors.Is(err, want) || want == nil && key != "open" {
			t.Errorf("%s: read %v, %v", what, key, err)
		}
	}
	strict := manager.EncryptionConfig{Key: first, RefusePlaintext: true}
	reads("plaintext with a key", with(manager.EncryptionConfig{Key: first}), nil)
	reads("plaintext that is refused", with(strict), tenancy.ErrInvalidTenant)
	page, err := with(strict).Store().List(t.Context(), registry.Query{})
	if err != nil || len(page.Invalid) != 1 || !strings.Contains(told.String(), "left a tenant out of a list") {
		t.Errorf("listing: %+v, %v, and the log has\n%s", page, err, told.String())
	}
	reencrypts := func(m *manager.Manager) {
		t.Helper()
		if p, err := m.Operator().Reencrypt(t.Context(), registry.ReencryptConfig{}); err != nil || p.Changed != 1 {
			t.Errorf("reencrypting: %+v, %v", p, err)
		}
	}
	reencrypts(with(strict))
	reads("ciphertext", with(strict), nil)

	announced := with(manager.EncryptionConfig{Key: first, OldKeys: []tenancy.Secret{second}, RefusePlaintext: true})
	turned := with(manager.EncryptionConfig{Key: second, OldKeys: []tenancy.Secret{first}, RefusePlaintext: true})
	reencrypts(turned)
	reads("the new key where it is announced", announced, nil)
	reads("the new key alone", with(manager.EncryptionConfig{Key: second, RefusePlaintext: true}), nil)
	reads("the old key alone", with(strict), tenancy.ErrInvalidTenant)
}
