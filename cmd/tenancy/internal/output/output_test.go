package output_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/entenancy/tenancy/cmd/tenancy/internal/output"
)

// TestNoPasswordIsShown: whatever brings it along, a password in the form of one is
// taken out, and a known one in any form.
func TestNoPasswordIsShown(t *testing.T) {
	t.Parallel()
	const password = "hunter2/secret"
	redact := output.Redactor(password, "", "abc")
	for _, text := range []string{
		"cannot reach postgres://shop:hunter2%2Fsecret@db:5432/shop?sslmode=disable",
		"cannot reach postgres://shop:other-hunter2@db:5432/shop",
		"invalid DSN shop:other-hunter2@tcp(db:3306)/shop",
		"cannot parse `host=db user=shop password=other-hunter2`",
		"cannot parse password='other hunter2' host=db",
		`the server says that hunter2/secret is wrong`,
	} {
		if got := redact(text); strings.Contains(got, "hunter2") || !strings.Contains(got, "[redacted]") {
			t.Errorf("%q is shown as %q", text, got)
		}
	}
	const harmless = `tenant "abc" at 12:30 has no schema: run tenancy migrate apply`
	if got := redact(harmless); got != harmless {
		t.Errorf("%q is shown as %q", harmless, got)
	}
}

func TestTextAndJSON(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		json bool
		want string
	}{
		{false, "NAME  STATE\na     up to date\nbcd   two lines\n1 of 2\n"},
		{true, `{"type":"state","state":{"name":"a"}}` + "\n" + `{"type":"state","state":{"name":"bcd"}}` + "\n" + `{"type":"report","report":1}` + "\n"},
	} {
		var out bytes.Buffer
		p := output.NewPrinter(&out, test.json)
		table := p.Table("state", "NAME", "STATE")
		for _, row := range [][2]string{{"a", "up to date"}, {"bcd", "two\nlines"}} {
			if err := table.Row(map[string]string{"name": row[0]}, row[0], row[1]); err != nil {
				t.Fatal(err)
			}
		}
		if err := table.Flush(); err != nil {
			t.Fatal(err)
		}
		if err := p.Emit("report", 1, "1 of 2"); err != nil {
			t.Fatal(err)
		}
		if out.String() != test.want {
			t.Errorf("got\n%swant\n%s", out.String(), test.want)
		}
	}
}

// TestProgressWithoutTerminal: lines and no control characters.
func TestProgressWithoutTerminal(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	p := output.NewProgress(&out, false, 3)
	p.Step("")
	p.Step("failed     acme  at postgres://shop:hunter2@db/shop")
	p.Step("")
	p.Close()
	if want := "failed     acme  at postgres://shop:[redacted]@db/shop\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}
