package postgres

import (
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// setter is the statement that makes a tenant's settings, on one connection.
type setter struct {
	sql        string
	parameters []uint32
	// desc is fixed, so that the server need not describe what we know. Its Name
	// is empty until the server has parsed it.
	desc pgconn.StatementDescription
}

func newSetters() [2]setter {
	one := setter{
		sql:        "SELECT pg_catalog.set_config('" + Setting + "', $1, true)",
		parameters: []uint32{pgtype.TextOID},
		desc:       pgconn.StatementDescription{Fields: []pgconn.FieldDescription{{Name: "set_config", DataTypeOID: pgtype.TextOID}}},
	}
	two := setter{
		sql:        one.sql + ", pg_catalog.set_config('search_path', $2, true)",
		parameters: []uint32{pgtype.TextOID, pgtype.TextOID},
		desc:       pgconn.StatementDescription{Fields: append(one.desc.Fields[:1:1], one.desc.Fields[0])},
	}
	return [2]setter{one, two}
}

// lead is what goes ahead of a statement in its pipeline.
type lead struct {
	results int     // that come back before the statement's
	parsing *setter // that is prepared on the way, under name
	name    string
}

// sendLead queues what w asks for, and closes statements by the way.
func (c *conn) sendLead(p *pgconn.Pipeline, w way, unnamed bool) lead {
	results := len(c.statements.closing)
	for _, name := range c.statements.closing {
		p.SendDeallocate(name)
	}
	if w.begin != "" {
		p.SendQueryParams(w.begin, nil, nil, nil, nil)
		results++
	}
	if !w.set {
		return lead{results: results}
	}
	l := c.sendSet(p, w.at, unnamed)
	l.results += results
	return l
}

// sendSet queues the settings of a tenant. The values are bound, never quoted.
func (c *conn) sendSet(p *pgconn.Pipeline, at place, unnamed bool) lead {
	s, values := c.setterOf(at), c.settingsOf(at)
	switch {
	case unnamed:
		p.SendQueryParams(s.sql, values, s.parameters, nil, nil)
		return lead{results: 1}
	case s.desc.Name != "":
		p.SendQueryStatement(&s.desc, values, nil, nil)
		return lead{results: 1}
	}
	desc := s.desc
	desc.Name = c.statements.name("", s.sql)
	p.SendPrepare(desc.Name, s.sql, s.parameters)
	p.SendQueryStatement(&desc, values, nil, nil)
	return lead{results: 2, parsing: s, name: desc.Name}
}

func (c *conn) setterOf(at place) *setter {
	if at.schema == "" {
		return &c.setters[0]
	}
	return &c.setters[1]
}

// settingsOf are the values of a setter, good until the next ones.
func (c *conn) settingsOf(at place) [][]byte {
	c.id = append(c.id[:0], at.id...)
	c.values = append(c.values[:0], c.id)
	if at.schema != "" {
		c.path = append(c.path[:0], quoteIdentifier(at.schema)...)
		c.values = append(c.values, c.path)
	}
	return c.values
}

// skipLead reads the results of what went ahead.
func (c *conn) skipLead(p *pgconn.Pipeline, l lead) error {
	for i := range l.results {
		result, err := p.GetResults()
		if err != nil && i == 0 && isGoodbye(err) {
			return notRun{err} // instead of the first answer: the rest was not read
		}
		if err != nil {
			return err
		}
		switch result := result.(type) {
		case *pgconn.ResultReader:
			if _, err := result.Close(); err != nil {
				return err
			}
		case *pgconn.StatementDescription:
			// Now, and not when all went well: it outlives the rollback of its transaction.
			l.parsing.desc.Name = l.name
		}
	}
	return nil
}
