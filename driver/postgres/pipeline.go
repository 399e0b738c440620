package postgres

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// run sends a statement and makes r its result, before the first row.
func (c *conn) run(ctx context.Context, w way, call call, r *result) error {
	if err := checkStatement(w, call.sql); err != nil {
		return err
	}
	if w.begin != "" && isSetting(call.sql) {
		if err := c.tx.open(ctx); err != nil { // set_config would come before SET TRANSACTION, which must be first
			return err
		}
		w = c.tx.now(w)
	}
	if call.unnamed {
		return c.runUnnamed(ctx, w, call, r)
	}
	err := c.runNamed(ctx, w, call, r)
	if err == nil {
		return nil
	}
	lost := isLost(err)
	if lost {
		c.lostStatements()
	}
	if !lost && (!isStale(err) || isNotRun(err)) {
		return err
	}
	if c.afresh(ctx, w) {
		// The same text under another name would not help where a pooler goes by the text.
		return c.runUnnamed(ctx, w, call, r)
	}
	if c.pgx.IsClosed() && !w.inTx { // the connection was lost meanwhile, and the statement has not run
		return cmp.Or(ctx.Err(), error(notRun{err}))
	}
	return err
}

// afresh reports that all is as before a statement that went by the way w and
// did not begin to run: outside a transaction by itself, and before the first
// statement of one by taking it back.
func (c *conn) afresh(ctx context.Context, w way) bool {
	if w.inTx && w.begin != "" && c.inServerTx() {
		if _, err := c.pgx.Exec(ctx, "rollback"); err != nil {
			return false
		}
		c.tx.begin = w.begin
	}
	return !c.pgx.IsClosed() && (!w.inTx || w.begin != "")
}

func (c *conn) lostStatements() {
	c.connector.lostStatement()
	c.statements.reset()
	c.setters = newSetters()
}

func (c *conn) runUnnamed(ctx context.Context, w way, call call, r *result) error {
	if err := c.encoder.Build(c.pgx.TypeMap(), nil, call.args); err != nil {
		return argumentFailed(call.args, -1, err)
	}
	p := c.wire().StartPipeline(ctx)
	l := c.sendLead(p, w, true)
	p.SendQueryParams(call.text(), c.encoder.ParamValues, nil, c.encoder.ParamFormats, nil)
	*r = result{c: c, w: w, p: p}
	return c.launch(r, l)
}

func (c *conn) runNamed(ctx context.Context, w way, call call, r *result) error {
	st, hot := c.choose(w, call.sql)
	if st == nil {
		if isOfCursor(call.sql) {
			return c.runUnnamed(ctx, w, call, r)
		}
		var err error
		if st, err = c.prepare(ctx, w, call.sql); err != nil {
			return err
		}
		if w.inTx {
			w = c.tx.now(w) // BEGIN has gone with the preparation
		}
	}
	if err := c.encoder.Build(c.pgx.TypeMap(), st.desc, call.args); err != nil {
		return argumentFailed(call.args, len(st.desc.ParamOIDs), err)
	}
	var err error
	if hot || call.sent != "" || !c.direct(w) {
		err = c.runPipelined(ctx, w, call, st, hot, r)
	} else {
		err = c.runDirect(ctx, w, st, r)
	}
	if err != nil {
		c.forgetFailed(w, st, err)
	}
	return err
}

// runPipelined sends a statement with all that goes ahead of it and behind.
func (c *conn) runPipelined(ctx context.Context, w way, call call, st *statement, hot bool, r *result) error {
	p := c.wire().StartPipeline(ctx)
	l := c.sendLead(p, w, false)
	*r = result{c: c, w: w, p: p}
	if call.sent != "" { // the prepared one says how the arguments are encoded
		p.SendQueryParams(call.sent, c.encoder.ParamValues, st.desc.ParamOIDs, c.encoder.ParamFormats, nil)
	} else {
		p.SendQueryStatement(st.desc, c.encoder.ParamValues, c.encoder.ParamFormats, st.formats)
		r.st = st
	}
	if hot {
		r.own = c.sendOwn(p, w, st)
	}
	return c.launch(r, l)
}

// choose returns the statement for sql that is prepared already, and whether
// the tenant's schema has just earned one of its own.
func (c *conn) choose(w way, sql string) (st *statement, hot bool) {
	key := statementKey{w.at.schema, w.at.version, sql}
	if key.schema != "" {
		c.statements.used()
	}
	if st = c.statements.get(key); st != nil || key.schema == "" {
		return st, false
	}
	st = c.statements.get(key.shared())
	if st != nil && c.connector.apart.has(key) { // another connection has found out
		c.statements.forget(st.key)
		return nil, false
	}
	if st == nil || w.inTx {
		return st, false
	}
	key.sql = st.key.sql // which is kept already: the caller's may be one of each schema
	return st, c.statements.hot(key)
}

// prepare takes one round trip for a statement that schemas can share, and for
// one that they are known not to. What is the first of its text with types that
// are not built in takes two: a pooler that goes by the text may have described
// another schema's.
func (c *conn) prepare(ctx context.Context, w way, sql string) (*statement, error) {
	key, apart := statementKey{w.at.schema, w.at.version, sql}, &c.connector.apart
	if key.schema == "" {
		return c.prepareAs(ctx, w, key, key.text())
	}
	if !apart.has(key) {
		st, err := c.prepareAs(ctx, w, key.shared(), key.text())
		if err != nil || !apart.suspects(key, st.desc) {
			return st, err
		}
		c.statements.forget(st.key)
		if w.inTx {
			w = c.tx.now(w)
		}
	}
	st, err := c.prepareAs(ctx, w, key, key.ownText())
	if err == nil {
		apart.learn(key, st.desc)
	}
	return st, err
}

// prepareAs sends the settings, then Parse and Describe, so that names are looked
// up in the tenant's schema.
func (c *conn) prepareAs(ctx context.Context, w way, key statementKey, text string) (_ *statement, err error) {
	name := c.statements.name(key.schema, text)
	ctx = c.connector.tracer.startPrepare(ctx, c.pgx, name, key.sql)
	defer func() { c.connector.tracer.endPrepare(ctx, c.pgx, err) }()

	p := c.wire().StartPipeline(ctx)
	l := c.sendLead(p, w, false)
	p.SendPrepare(name, text, nil)
	r := &result{c: c, w: w, p: p}
	desc, err := sent[*pgconn.StatementDescription](r, l)
	if err == nil {
		err = p.Close()
	}
	if err != nil {
		c.statements.close(name) // it may have been parsed and not described
		return nil, notRun{err}
	}
	st := c.newStatement(key, name, desc)
	st.by = w.at.schema
	c.statements.put(st)
	return st, nil
}

func (c *conn) newStatement(key statementKey, name string, desc *pgconn.StatementDescription) *statement {
	desc.Name, desc.SQL = name, key.sql
	st := &statement{key: key, desc: desc}
	for i := range desc.Fields {
		desc.Fields[i].Format = resultFormat(desc.Fields[i].DataTypeOID)
		st.formats = append(st.formats, desc.Fields[i].Format)
		st.columns = append(st.columns, newColumn(c.pgx.TypeMap(), desc.Fields[i]))
	}
	return st
}

// like returns a schema's own statement, of which the server says that it has
// the columns in got. Where they are those of the shared one, it has its memory, too.
func (st *statement) like(key statementKey, name string, got *pgconn.StatementDescription) (*statement, bool) {
	same := slices.EqualFunc(st.desc.Fields, got.Fields, func(a, b pgconn.FieldDescription) bool {
		b.TableOID, b.Format = a.TableOID, a.Format
		return a == b
	})
	if !same || !slices.Equal(st.desc.ParamOIDs, got.ParamOIDs) {
		return nil, false
	}
	desc := *st.desc
	desc.Name = name
	return &statement{key: key, desc: &desc, formats: st.formats, columns: st.columns}, true
}

// sendOwn queues the preparation of a statement for one schema behind the one
// that runs, in a transaction of its own: it must not undo that if it fails.
func (c *conn) sendOwn(p *pgconn.Pipeline, w way, st *statement) *own {
	key := statementKey{w.at.schema, st.key.version, st.key.sql}
	o := &own{key: key, name: c.statements.name(key.schema, key.text()), shared: st}
	p.SendPipelineSync()
	o.lead = c.sendSet(p, w.at, false)
	p.SendPrepare(o.name, key.text(), nil)
	return o
}

// forgetFailed drops a statement whose error says that it does not fit its tables.
func (c *conn) forgetFailed(w way, st *statement, err error) {
	server := serverError(err)
	if st == nil || server == nil {
		return
	}
	if isStale(err) && st.key.schema == anySchema && st.by != w.at.schema {
		c.connector.apart.failed(st.key)
	}
	if isStale(err) || strings.HasPrefix(server.Code, "42") && server.Code != codeInsufficientPrivilege {
		c.statements.forget(st.key)
	}
}

// launch sends what is queued and goes to the result of the statement.
func (c *conn) launch(r *result, l lead) (err error) {
	r.reader, err = sent[*pgconn.ResultReader](r, l)
	c.reading = err == nil
	c.dropArguments()
	return err
}

// dropArguments lets go of large arguments, which the encoder would keep for
// as long as the connection is idle.
func (c *conn) dropArguments() {
	const worthKeeping = 1 << 14
	size := 0
	for _, value := range c.encoder.ParamValues {
		size += len(value)
	}
	if size > worthKeeping {
		c.encoder = pgx.ExtendedQueryBuilder{}
	}
}

// sent sends what is queued and returns the first result after the lead. After
// an error the pipeline is closed.
func sent[T any](r *result, l lead) (got T, err error) {
	c, p := r.c, r.p
	if err = p.Sync(); err != nil {
		if pgconn.SafeToRetry(err) {
			err = notRun{err}
		}
		_ = p.Close() // says the same again
		return got, err
	}
	c.statements.closing = c.statements.closing[:0]
	if err = c.skipLead(p, l); err == nil {
		var first any
		if first, err = p.GetResults(); err == nil {
			var ok bool
			if got, ok = first.(T); ok {
				return got, nil
			}
			err = fmt.Errorf("postgres: the server answered with a %T", first)
		}
	}
	if r.own != nil {
		c.statements.close(r.own.name)
	}
	_ = p.Close() // says the same again
	return got, err
}
