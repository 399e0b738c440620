package sqliteurl_test

import (
	"runtime"
	"testing"

	"github.com/entenancy/tenancy/internal/sqliteurl"
)

func TestPath(t *testing.T) {
	t.Parallel()
	paths := map[string]string{
		"sqlite:///var/lib/shop.db":   "/var/lib/shop.db",
		"sqlite://shop.db":            "shop.db",
		"sqlite:shop.db?_pragma=x":    "shop.db",
		"file:/var/my%20shop/shop.db": "/var/my shop/shop.db",
		"sqlite:///C:/app/shop.db":    "/C:/app/shop.db",
	}
	if runtime.GOOS == "windows" {
		paths = map[string]string{
			"sqlite:///C:/app/shop.db": `C:\app\shop.db`,
			"file:/C:/app/shop.db":     `C:\app\shop.db`,
			"sqlite:C:/app/shop.db":    `C:\app\shop.db`,
			"sqlite://app/shop.db":     `app\shop.db`,
		}
	}
	for address, want := range paths {
		if got, ok := sqliteurl.Path(address); !ok || got != want {
			t.Errorf("%s: got %q, %t, want %q", address, got, ok, want)
		}
	}
	for _, address := range []string{"", "sqlite:", "sqlite://", "sqlite://:memory:", "sqlite:///%zz.db"} {
		if got, ok := sqliteurl.Path(address); ok {
			t.Errorf("%s: got %q", address, got)
		}
	}
}
