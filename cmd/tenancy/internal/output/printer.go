// Package output shows results: to people as text, to programs as JSON lines.
package output

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Printer writes what a command has found or done.
//
// As text it is for people, and may change. As JSON it is one object a line,
// with the field "type" and a field of that name:
//
//	{"type":"tenant","tenant":{"id":"…","identifier":"acme",…}}
//
// A command that goes on writes each line as it comes. Not safe for concurrent use.
type Printer struct {
	out  io.Writer
	json bool
}

// NewPrinter returns a printer of text or of JSON. Passwords in database URLs
// are not written, wherever they may come from.
func NewPrinter(out io.Writer, asJSON bool) *Printer {
	return &Printer{out: out, json: asJSON}
}

// JSON reports whether programs read it.
func (p *Printer) JSON() bool { return p.json }

// Emit writes one result: a line of JSON, or the text.
func (p *Printer) Emit(kind string, value any, text string) error {
	if !p.json {
		_, err := fmt.Fprintln(p.out, hide(text))
		return err
	}
	shown, err := json.Marshal(value)
	if err == nil {
		shown, err = hideJSON(shown)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.out, "{\"type\":%q,%q:%s}\n", kind, kind, shown)
	return err
}

// Text writes a line for people, and none for programs.
func (p *Printer) Text(format string, args ...any) error {
	if p.json {
		return nil
	}
	_, err := fmt.Fprintln(p.out, hide(fmt.Sprintf(format, args...)))
	return err
}

// Table is rows with aligned columns. As JSON each row is a line, at once.
type Table struct {
	printer *Printer
	kind    string
	rows    []string
}

// Table begins a table of results of one kind.
func (p *Printer) Table(kind string, columns ...string) *Table {
	return &Table{printer: p, kind: kind, rows: []string{strings.Join(columns, "\t")}}
}

// Row adds a result, with the text of each column.
func (t *Table) Row(value any, cells ...string) error {
	if t.printer.json {
		return t.printer.Emit(t.kind, value, "")
	}
	for i, cell := range cells {
		cells[i] = strings.Join(strings.Fields(hide(cell)), " ")
	}
	t.rows = append(t.rows, strings.Join(cells, "\t"))
	return nil
}

// Len is how many rows there are to be shown.
func (t *Table) Len() int { return len(t.rows) - 1 }

// Flush shows the table. An empty one is not shown.
func (t *Table) Flush() error {
	if t.printer.json || t.Len() == 0 {
		return nil
	}
	w := tabwriter.NewWriter(t.printer.out, 0, 0, 2, ' ', 0)
	for _, row := range t.rows {
		if _, err := fmt.Fprintln(w, row); err != nil {
			return err
		}
	}
	return w.Flush()
}

// Write writes text for people.
func (p *Printer) Write(text []byte) (int, error) {
	if _, err := io.WriteString(p.out, hide(string(text))); err != nil {
		return 0, err
	}
	return len(text), nil
}
