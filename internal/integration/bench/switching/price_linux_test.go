package switching_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/entenancy/tenancy/driver/postgres"
)

// price is what a statement costs the server's process, on a connection of its own.
type price struct {
	name string
	role func(*world) string
	// set is how many settings go ahead: of the id, and of the search path.
	set int
	// text is the statement, of which each schema has its own if own is set.
	text string
	own  bool
	args func(tenant int) []string

	conn     *pgx.Conn
	setter   *pgconn.StatementDescription
	prepared []*pgconn.StatementDescription
	micros   []float64
}

const (
	pointText  = "SELECT id, tenant_id, note, total FROM orders WHERE id = $1 AND tenant_id = $2 LIMIT 2"
	insertText = "INSERT INTO orders (tenant_id, note, total) VALUES ($1, $2, $3) RETURNING id"
)

func prices(rows int) []*price {
	point := func(number int) []string {
		return []string{strconv.Itoa(number*rows + 1 + rand.IntN(rows)), string(tenant(number).ID)}
	}
	insert := func(number int) []string { return []string{string(tenant(number).ID), "a note", "1"} }
	free, held := func(w *world) string { return w.system }, func(w *world) string { return w.app }
	return []*price{
		{name: "Sync alone", role: free},
		{name: "the id set", role: free, set: 1},
		{name: "point read", role: free, text: pointText, args: point},
		{name: "point read, the id set", role: free, set: 1, text: pointText, args: point},
		{name: "point read, the id set, a policy", role: held, set: 1, text: pointText, args: point},
		{name: "insert", role: free, text: insertText, args: insert},
		{name: "insert, the id set", role: free, set: 1, text: insertText, args: insert},
		{name: "insert, the id set, a policy", role: held, set: 1, text: insertText, args: insert},
		{name: "point read of any schema by one statement", role: held, set: 2, text: pointText, args: point},
		{name: "point read of any schema by its own statement", role: held, set: 2, text: pointText, own: true, args: point},
		{name: "insert of any schema by one statement", role: held, set: 2, text: insertText, args: insert},
		{name: "insert of any schema by its own statement", role: held, set: 2, text: insertText, own: true, args: insert},
	}
}

// BenchmarkPrices prints what the parts of a statement cost the server. The
// statements are sent many at once, each with its Sync, so that nobody waits:
// what it costs to wake a process, which depends on the machine, is not in it.
func BenchmarkPrices(b *testing.B) {
	s := readSettings(b)
	s.databases = 0
	w := newWorld(b, s.size)
	all := prices(s.rows)
	for _, p := range all {
		p.open(b, w)
		for range 8 { // until its plans are kept
			for number := range s.schemas {
				p.send(b, []int{number})
			}
		}
	}
	b.ResetTimer()
	for range b.N * s.rounds {
		for _, i := range rand.Perm(len(all)) {
			all[i].measure(b, s.schemas)
		}
	}
	printf("\n| processor time of the server | µs |\n|---|--:|\n")
	for _, p := range all {
		printf("| %s | %.1f ±%.1f |\n", p.name, quantile(p.micros, .5), (quantile(p.micros, .75)-quantile(p.micros, .25))/2)
	}
}

func (p *price) open(b *testing.B, w *world) {
	b.Helper()
	conn, err := pgx.Connect(b.Context(), p.role(w))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conn.Close(context.Background()) })
	p.conn = conn
	setter := "SELECT set_config('" + postgres.Setting + "', $1, true)" + strings.Repeat(", set_config('search_path', $2, true)", max(0, p.set-1))
	p.setter = p.prepare(b, "setter", setter)
	for number := range w.schemas {
		if p.set == 2 && (number == 0 || p.own) {
			if _, err := conn.Exec(b.Context(), "SET search_path TO "+schemaName(number)); err != nil {
				b.Fatal(err)
			}
		}
		if p.text != "" && (number == 0 || p.own) {
			p.prepared = append(p.prepared, p.prepare(b, fmt.Sprintf("statement %d", number), p.text))
		}
	}
	if _, err := conn.Exec(b.Context(), "RESET search_path"); err != nil {
		b.Fatal(err)
	}
}

func (p *price) prepare(b *testing.B, name, text string) *pgconn.StatementDescription {
	b.Helper()
	prepared, err := p.conn.PgConn().Prepare(b.Context(), name, text, nil)
	if err != nil {
		b.Fatal(err)
	}
	return prepared
}

// send sends a statement for each of the tenants.
func (p *price) send(b *testing.B, tenants []int) {
	b.Helper()
	pipeline := p.conn.PgConn().StartPipeline(b.Context())
	for _, number := range tenants {
		if p.set > 0 {
			settings := values([]string{string(tenant(number).ID), schemaName(number)}[:p.set])
			pipeline.SendQueryStatement(p.setter, settings, nil, nil)
		}
		if p.text != "" {
			pipeline.SendQueryStatement(p.prepared[number%len(p.prepared)], values(p.args(number)), nil, nil)
		}
		pipeline.SendPipelineSync()
	}
	if err := pipeline.Flush(); err != nil {
		b.Fatal(err)
	}
	if err := pipeline.Close(); err != nil {
		b.Fatalf("%s: %v", p.name, err)
	}
}

// measure sends statements for tenants at random, and notes what one took.
func (p *price) measure(b *testing.B, tenants int) {
	b.Helper()
	const at, once = 8, 50
	pid := int(p.conn.PgConn().PID())
	before, err := processor(pid)
	if err != nil {
		b.Fatalf("the server's process is not on this machine: %v", err)
	}
	for range at {
		burst := make([]int, once)
		for i := range burst {
			burst[i] = rand.IntN(tenants)
		}
		p.send(b, burst)
	}
	after, err := processor(pid)
	if err != nil {
		b.Fatal(err)
	}
	p.micros = append(p.micros, float64(after-before)/float64(time.Microsecond)/(at*once))
}

func values(texts []string) [][]byte {
	all := make([][]byte, len(texts))
	for i, text := range texts {
		all[i] = []byte(text)
	}
	return all
}
