package tenancy_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/entenancy/tenancy"
)

const hidden = "s3cr3t"

func secretive() tenancy.Tenant {
	return tenancy.Tenant{
		ID: "t1", Identifier: "acme", Name: "Acme", Status: tenancy.StatusActive,
		Placement: tenancy.Placement{Schema: "t_1", DatabaseURL: tenancy.NewSecret("postgres://app:" + hidden + "@db/t1")},
	}.WithMetadata(map[string]any{"_enc_token": hidden, "seats": 5})
}

// nested has secrets wherever package registry encrypts them, and in a type of the
// application's.
func nested() tenancy.Tenant {
	type billing struct {
		Card string `json:"_enc_card"`
	}
	return secretive().WithMetadata(map[string]any{
		"billing": map[string]any{"_enc_card": hidden, "country": "de"},
		"keys":    []any{map[string]any{"_enc_key": hidden}, []any{map[string]any{"_enc_all": map[string]any{"of": hidden}}}},
		"typed":   billing{hidden},
		"number":  json.Number("12345678901234567890"),
	})
}

// TestTenantShowsNoSecret prints a tenant in every way that people print
// things, also from within a struct's unexported field, where fmt cannot call
// a method.
func TestTenantShowsNoSecret(t *testing.T) {
	t.Parallel()
	tenant, nested := secretive(), nested()
	holder := struct {
		tenant tenancy.Tenant
		many   []tenancy.Tenant
		url    tenancy.Secret
	}{tenant, []tenancy.Tenant{tenant, nested}, tenant.Placement.DatabaseURL}
	exported := struct{ Many []tenancy.Tenant }{holder.many} // which slog marshals to JSON

	var shown bytes.Buffer
	for _, v := range []any{tenant, &tenant, nested, tenant.Placement, &tenant.Placement, tenant.Placement.DatabaseURL, holder, &holder, exported, []any{tenant, nested}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			_, _ = fmt.Fprintf(&shown, verb+"\n", v)
		}
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		shown.Write(text)
	}
	for _, h := range []slog.Handler{slog.NewTextHandler(&shown, nil), slog.NewJSONHandler(&shown, nil)} {
		log := slog.New(h)
		log.Info("tenant", "tenant", tenant, "pointer", &tenant, "placement", tenant.Placement, "holder", holder, "exported", exported, "many", holder.many)
	}
	_, _ = fmt.Fprint(&shown, errors.Join(tenant.Validate(), tenant.Active()))
	for _, secret := range []string{hidden, fmt.Sprintf("%x", hidden)} {
		if strings.Contains(shown.String(), secret) {
			t.Errorf("a tenant shows its secret:\n%s", shown.String())
		}
	}
	if tenant.Placement.DatabaseURL.Reveal() == "" || !strings.Contains(shown.String(), "acme") {
		t.Error("the secret cannot be revealed, or nothing was shown")
	}
}

func TestTenantMarshalJSON(t *testing.T) {
	t.Parallel()
	const record = `{"id":"t1","identifier":"acme","name":"Acme","status":"active","placement":{"schema":"t_1","database_url":"[redacted]"}`
	for want, tenant := range map[string]tenancy.Tenant{
		record + `}`: secretive().WithMetadata(nil),
		record + `,"metadata":{"_enc_token":"[redacted]","seats":5}}`: secretive(),
		record + `,"metadata":{"billing":{"_enc_card":"[redacted]","country":"de"},` +
			`"keys":[{"_enc_key":"[redacted]"},[{"_enc_all":"[redacted]"}]],"number":12345678901234567890,"typed":{"_enc_card":"[redacted]"}}}`: nested(),
	} {
		text, err := json.Marshal(tenant)
		if err != nil {
			t.Fatal(err)
		}
		if string(text) != want {
			t.Errorf("got  %s\nwant %s", text, want)
		}
	}
	if _, err := json.Marshal(secretive().WithMetadata(map[string]any{"none": func() {}})); err == nil {
		t.Error("what JSON cannot hold is no error")
	}
}

func TestMetadataIsACopy(t *testing.T) {
	t.Parallel()
	given := map[string]any{"limits": map[string]any{"seats": 5}, "tags": []any{"a"}}
	want := map[string]any{"limits": map[string]any{"seats": 5}, "tags": []any{"a"}}
	tenant := tenancy.Tenant{ID: "t1"}.WithMetadata(given)

	given["limits"].(map[string]any)["seats"] = 500
	tenant.Metadata()["tags"].([]any)[0] = "b"
	limits, _ := tenant.MetadataValue("limits")
	limits.(map[string]any)["seats"] = 500
	if got := tenant.Metadata(); !reflect.DeepEqual(got, want) {
		t.Errorf("metadata became %v", got)
	}
	if _, ok := tenant.MetadataValue("nothing"); ok {
		t.Error("a value that is not there was found")
	}
	if got := (tenancy.Tenant{}).Metadata(); got == nil || len(got) != 0 {
		t.Errorf("a tenant without metadata has %v", got)
	}
}

func TestTenantEqual(t *testing.T) {
	t.Parallel()
	if a, b := secretive(), secretive(); !a.Equal(b) {
		t.Error("two equal tenants differ")
	}
	for name, change := range map[string]func(*tenancy.Tenant){
		"ID":          func(t *tenancy.Tenant) { t.ID = "t2" },
		"Identifier":  func(t *tenancy.Tenant) { t.Identifier = "globex" },
		"Name":        func(t *tenancy.Tenant) { t.Name = "Globex" },
		"Status":      func(t *tenancy.Tenant) { t.Status = tenancy.StatusSuspended },
		"Isolation":   func(t *tenancy.Tenant) { t.Isolation = tenancy.IsolationRLS },
		"Plan":        func(t *tenancy.Tenant) { t.Plan = "gold" },
		"Version":     func(t *tenancy.Tenant) { t.Version++ },
		"Schema":      func(t *tenancy.Tenant) { t.Placement.Schema = "t_2" },
		"DatabaseURL": func(t *tenancy.Tenant) { t.Placement.DatabaseURL = tenancy.NewSecret("other") },
		"CreatedAt":   func(t *tenancy.Tenant) { t.CreatedAt = time.Now() },
		"UpdatedAt":   func(t *tenancy.Tenant) { t.UpdatedAt = time.Now() },
		"DeletedAt":   func(t *tenancy.Tenant) { t.DeletedAt = time.Now() },
		"metadata":    func(t *tenancy.Tenant) { *t = t.WithMetadata(nil) },
	} {
		changed := secretive()
		change(&changed)
		if changed.Equal(secretive()) {
			t.Errorf("a tenant with another %s is equal", name)
		}
	}
}

func TestTenantValidate(t *testing.T) {
	t.Parallel()
	for want, change := range map[error]func(*tenancy.Tenant){
		tenancy.ErrInvalidID:         func(t *tenancy.Tenant) { t.ID = "" },
		tenancy.ErrInvalidIdentifier: func(t *tenancy.Tenant) { t.Identifier = "Acme" },
	} {
		tenant := secretive()
		if err := tenant.Validate(); err != nil {
			t.Fatal(err)
		}
		change(&tenant)
		if err := tenant.Validate(); !errors.Is(err, want) {
			t.Errorf("Validate() = %v, want %v", err, want)
		}
	}
	for _, change := range []func(*tenancy.Tenant){
		func(t *tenancy.Tenant) { t.Name = " " },
		func(t *tenancy.Tenant) { t.Status = "gone" },
		func(t *tenancy.Tenant) { t.Status = "" },
		func(t *tenancy.Tenant) { t.Isolation = "vault" },
	} {
		tenant := secretive()
		change(&tenant)
		if err := tenant.Validate(); !errors.Is(err, tenancy.ErrInvalidTenant) {
			t.Errorf("Validate() = %v, want ErrInvalidTenant", err)
		}
	}
}
