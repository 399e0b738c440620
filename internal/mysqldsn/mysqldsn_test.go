package mysqldsn_test

import (
	"testing"

	"github.com/entenancy/tenancy/internal/mysqldsn"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct {
		dsn     mysqldsn.DSN
		address string
	}{
		"shop:secret@tcp(db:3307)/acme?parseTime=true": {mysqldsn.DSN{Login: "shop:secret@", Server: "tcp(db:3307)", Name: "acme", Parameters: "?parseTime=true"}, "db:3307"},
		"shop:s3cr(et@tcp(db:3306)/":                   {mysqldsn.DSN{Login: "shop:s3cr(et@", Server: "tcp(db:3306)"}, "db:3306"},
		"shop:a/b?c@tcp(db:3306)/acme?x=y":             {mysqldsn.DSN{Login: "shop:a/b?c@", Server: "tcp(db:3306)", Name: "acme", Parameters: "?x=y"}, "db:3306"},
		"shop:a://b@c@tcp(db:3306)/acme":               {mysqldsn.DSN{Login: "shop:a://b@c@", Server: "tcp(db:3306)", Name: "acme"}, "db:3306"},
		"shop:secret@tcp(db)/acme":                     {mysqldsn.DSN{Login: "shop:secret@", Server: "tcp(db)", Name: "acme"}, "db:3306"},
		"shop:secret@tcp([::1]:3307)/acme":             {mysqldsn.DSN{Login: "shop:secret@", Server: "tcp([::1]:3307)", Name: "acme"}, "[::1]:3307"},
		"shop:a)b@unix(/run/mysql.sock)/acme":          {mysqldsn.DSN{Login: "shop:a)b@", Server: "unix(/run/mysql.sock)", Name: "acme"}, "/run/mysql.sock"},
		"shop@/a%2Fb":                                  {mysqldsn.DSN{Login: "shop@", Name: "a%2Fb"}, "127.0.0.1:3306"},
		"/":                                            {mysqldsn.DSN{}, "127.0.0.1:3306"},
	} {
		got, ok := mysqldsn.Parse(text)
		if !ok || got != want.dsn || got.Address() != want.address || got.String() != text {
			t.Errorf("%s: got %+v, %q, %q", text, got, got.Address(), got)
		}
	}
	if _, ok := mysqldsn.Parse("shop:secret@tcp(db:3306)"); ok {
		t.Error("there is no database to it")
	}
}
