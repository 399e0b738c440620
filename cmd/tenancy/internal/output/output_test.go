package output_test

import (
	"bytes"
	"encoding/json"
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
		`cannot parse password="other hunter2" host=db`,
		`cannot parse "password=\"other hunter2\" host=db"`,
		"cannot parse password='other hunter2",
		"PGPASSWORD=other-hunter2",
		"cannot reach Postgres://shop:other@'hunter2@db:5432/shop",
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

// TestWhatIsRedactedStaysJSON: what a tenant calls itself, and an error that quotes
// what it is about, come out as one object a line, without the password.
func TestWhatIsRedactedStaysJSON(t *testing.T) {
	t.Parallel()
	redacted := output.Redactor("hunter2")(`cannot parse "password=\"hunter2\""`)
	for text, want := range map[string]string{
		`password="hunter2"`:                    `password=[redacted]`,
		`password=hunter2\`:                     `password=[redacted]`,
		`a "postgres://shop:hunter2@db/\" <b>`:  `a "postgres://shop:[redacted]@db/\" <b>`,
		`"` + strings.Repeat(`\`, 3) + `"`:      `"` + strings.Repeat(`\`, 3) + `"`,
		redacted:                                `cannot parse "password=[redacted]"`,
		`{"dsn":"password=hunter2","note":"x"}`: `{"dsn":"password=[redacted]","note":"x"}`,
	} {
		if got := emitted(t, map[string]string{"note": text}); got["note"] != want {
			t.Errorf("%q is shown as %q, and not as %q", text, got["note"], want)
		}
	}
	for text := range map[string]string{`password="hunter2`: "", `password='hunter2" '`: ""} {
		if got := emitted(t, map[string]string{"note": text, text: "key"}); strings.Contains(got["note"], "hunter2") || got["password=[redacted]"] != "key" {
			t.Errorf("%q is shown as %q", text, got)
		}
	}
}

// emitted returns what a program reads of a value.
func emitted(t *testing.T, value map[string]string) map[string]string {
	t.Helper()
	var out bytes.Buffer
	if err := output.NewPrinter(&out, true).Emit("thing", value, ""); err != nil {
		t.Fatal(err)
	}
	var line struct {
		Type  string
		Thing map[string]string
	}
	if err := json.Unmarshal(out.Bytes(), &line); err != nil || line.Type != "thing" || strings.Count(out.String(), "\n") != 1 {
		t.Fatalf("%q is no line of JSON: %v", out.String(), err)
	}
	return line.Thing
}

// FuzzJSON has a password in each form beside whatever a tenant has written, and
// behind it: the line can be read, and does not have the password.
func FuzzJSON(f *testing.F) {
	for _, text := range []string{"", `\`, `"`, `\"`, `password="y"`, `password=\`, "password='", "postgres://shop:y@db", "\xff\u2028", `","x":"`} {
		f.Add(text, text)
	}
	const password = "hunter2"
	f.Fuzz(func(t *testing.T, beside, behind string) {
		if beside == "secret" || strings.Contains(behind, password) {
			t.Skip()
		}
		for _, form := range []string{
			"password=" + password, `password="` + password + `"`, `"password=\"` + password + `\""`, "password='" + password + "'",
			"postgres://shop:" + password + "@db", "shop:" + password + "@tcp(db)",
		} {
			got := emitted(t, map[string]string{beside: beside, "secret": form + " " + behind})
			if strings.Contains(got["secret"], password) || !strings.Contains(got["secret"], "[redacted]") {
				t.Errorf("%q is shown as %q", form+" "+behind, got["secret"])
			}
		}
	})
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
