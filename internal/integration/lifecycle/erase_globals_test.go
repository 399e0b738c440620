package lifecycle_test

import (
	"errors"
	"strings"
	"testing"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/migrate"
	_ "github.com/entenancy/tenancy/internal/integration/isolation/ent/runtime" // the schema's hooks and defaults
	"github.com/entenancy/tenancy/manager"
)

// TestErasingSparesWhatHangsOnGlobalRows: a memo takes its device along, which is everybody's, and memos and users of others hang on that.
func TestErasingSparesWhatHangsOnGlobalRows(t *testing.T) {
	in(t, everywhere()[len(namespaces()):], func(t *testing.T, w *world) {
		client := w.devices()
		a, b := w.known("acme"), w.known("beside")
		device := client.Device.Create().SetName("d").SetManual(client.Memo.Create().SetText("manual").SaveX(a)).SaveX(a)
		client.Memo.Create().SetText("own").SetAbout(device).ExecX(a)
		others := []struct {
			table, key string
			attach     func()
			detach     func()
			attached   func() bool
		}{
			{
				"memos", "memos_devices_notes",
				func() { client.Memo.Create().SetText("note").SetAbout(device).ExecX(b) },
				func() { client.Memo.Update().ClearAbout().ExecX(b) },
				func() bool { return client.Memo.Query().OnlyX(b).QueryAbout().CountX(b) == 1 },
			},
			{
				"user_watched_devices", "user_watched_devices_device_id",
				func() { client.User.Create().SetName("watcher").AddWatchedDevices(device).ExecX(b) },
				func() { client.User.Update().ClearWatchedDevices().ExecX(b) },
				func() bool { return client.User.Query().OnlyX(b).QueryWatchedDevices().CountX(b) == 1 },
			},
		}
		l := w.lifecycle(func(c *manager.LifecycleConfig) {
			c.Shared.Metadata = migrate.Tenancy
			if w.dialect == dialect.Postgres {
				c.Shared.Driver = w.withSystem()
			}
		})
		for _, other := range others {
			other.attach()
			_, err := l.Erase(t.Context(), "acme")
			if !errors.Is(err, tenancy.ErrCrossTenant) || !strings.Contains(err.Error(), "1 rows of other tenants in "+other.table+" refer to global rows in devices that are deleted with rows of ") ||
				!strings.Contains(err.Error(), "key "+other.key+" would change them too: detach them first") {
				t.Errorf("%s: got %v", other.table, err)
			}
			if w.isolation == tenancy.IsolationRLS { // where no System scope can look, the trigger does
				blind := w.lifecycle(func(c *manager.LifecycleConfig) { c.Shared.Metadata = migrate.Tenancy })
				if _, err := blind.Erase(t.Context(), "acme"); err == nil {
					t.Errorf("%s: nobody has looked", other.table)
				}
			}
			if !other.attached() || client.Memo.Query().CountX(a) != 2 {
				t.Errorf("%s: something was changed", other.table)
			}
			other.detach()
		}
		if _, err := l.Erase(t.Context(), "acme"); err != nil {
			t.Errorf("detached: %v", err)
		}
		if own, devices := client.Memo.Query().CountX(a), client.Device.Query().CountX(b); own != 0 || devices != 0 {
			t.Errorf("%d memos and %d devices are left", own, devices)
		}
	})
}

// devices makes the tables of the attack suite's application, in the place of the world's own, and returns its client.
func (w *world) devices() *ent.Client {
	w.t.Helper()
	for _, table := range []string{"lines", "orders"} {
		w.exec("DROP TABLE " + quoted(w.dialect, table))
	}
	w.autoMigrate(migrate.Tenancy, func(d dialect.Driver) migration { return migrate.NewSchema(d).Create })
	return ent.NewClient(ent.TenancyDriver(w.config.Shared.Driver))
}
