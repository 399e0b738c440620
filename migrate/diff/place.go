package diff

import (
	"context"
	"crypto/rand"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"time"

	"ariga.io/atlas/sql/migrate"
	"ariga.io/atlas/sql/mysql"
	"ariga.io/atlas/sql/postgres"
	"ariga.io/atlas/sql/sqlite"
	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
)

// placePrefix begins the names of the schemas that are made and dropped again.
const placePrefix = "tenancy_dev_"

// patience is how long dropping a place may take after the caller's context has
// ended.
const patience = 30 * time.Second

// place is an empty place on the dev database, and the one session that is in it.
type place struct {
	dialect string
	dev     *sql.DB
	session *sql.Conn
	name    string // of its schema; none on SQLite
	empty   bool   // it was when it was opened, so that what is in it is ours
	atlas   migrate.Driver
}

// openPlace makes a place. close has to be called also if it fails.
func openPlace(ctx context.Context, dev *sql.DB, name string) (*place, error) {
	p := &place{dialect: name, dev: dev}
	if name != dialect.SQLite {
		p.name = placePrefix + strings.ToLower(rand.Text())
	}
	var err error
	if p.session, err = dev.Conn(ctx); err != nil {
		return p, fmt.Errorf("diff: the dev database cannot be reached: %w", err)
	}
	if err := p.begin(ctx); err != nil {
		return p, err
	}
	p.empty = true
	p.atlas, err = openAtlas(name, p.session)
	return p, err
}

// openAtlas returns Atlas' driver of a session.
func openAtlas(name string, session *sql.Conn) (migrate.Driver, error) {
	switch name {
	case dialect.Postgres:
		return postgres.Open(session)
	case dialect.MySQL:
		return mysql.Open(session)
	default:
		return sqlite.Open(session)
	}
}

// isMariaDB reports whether the server is MariaDB and not MySQL.
func (p *place) isMariaDB(ctx context.Context) bool {
	var version string
	err := p.session.QueryRowContext(ctx, "SELECT version()").Scan(&version)
	return err == nil && strings.Contains(version, "MariaDB")
}

// begin makes the session one of an empty place.
func (p *place) begin(ctx context.Context) error {
	if p.dialect != dialect.SQLite {
		return p.clear(ctx)
	}
	objects, err := p.objects(ctx)
	if err == nil && len(objects) > 0 {
		return fmt.Errorf("diff: the dev database has the table %q: it has to be an empty one, such as one in memory", objects[0].name)
	}
	return errors.Join(err, p.exec(ctx, "PRAGMA foreign_keys = ON"))
}

// clear empties the place.
func (p *place) clear(ctx context.Context) error {
	switch p.dialect {
	case dialect.Postgres:
		return p.exec(ctx, "DROP SCHEMA IF EXISTS "+p.name+" CASCADE", "CREATE SCHEMA "+p.name, "SET search_path TO "+p.name,
			"SET jit = off") // which takes longer over Atlas' questions than their answers
	case dialect.MySQL:
		return p.exec(ctx, "DROP DATABASE IF EXISTS "+p.name, "CREATE DATABASE "+p.name+" CHARACTER SET utf8mb4", "USE "+p.name)
	default:
		return p.clearFile(ctx)
	}
}

// close drops the place, and the session, which nobody is to get from the pool.
func (p *place) close(ctx context.Context) error {
	if p.session == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	var err error
	if p.dialect == dialect.SQLite && p.empty {
		err = p.clearFile(ctx)
	}
	_ = p.session.Raw(func(any) error { return sqldriver.ErrBadConn })
	_ = p.session.Close()
	switch p.dialect {
	case dialect.Postgres:
		_, err = p.dev.ExecContext(ctx, "DROP SCHEMA IF EXISTS "+p.name+" CASCADE")
	case dialect.MySQL:
		_, err = p.dev.ExecContext(ctx, "DROP DATABASE IF EXISTS "+p.name)
	}
	if err != nil {
		return fmt.Errorf("diff: the dev database could not be cleaned, drop %s by hand: %w", p.name, err)
	}
	return nil
}

func (p *place) exec(ctx context.Context, statements ...string) error {
	for _, statement := range statements {
		if _, err := p.session.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("diff: dev database: %s: %w", statement, err)
		}
	}
	return nil
}

// driver is the session as ent wants it.
func (p *place) driver() dialect.Driver {
	return entsql.NewDriver(p.dialect, entsql.Conn{ExecQuerier: p.session})
}

// object is what a file of SQLite holds.
type object struct{ kind, name string }

// objects returns the tables, views and triggers of a file, the last made first.
func (p *place) objects(ctx context.Context) (all []object, err error) {
	rows, err := p.session.QueryContext(ctx, "SELECT type, name FROM sqlite_master WHERE type <> 'index' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY rowid DESC")
	if err != nil {
		return nil, fmt.Errorf("diff: dev database: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var o object
		if err := rows.Scan(&o.kind, &o.name); err != nil {
			return nil, err
		}
		all = append(all, o)
	}
	return all, rows.Err()
}

func (p *place) clearFile(ctx context.Context) error {
	objects, err := p.objects(ctx)
	if err != nil {
		return err
	}
	if err := p.exec(ctx, "PRAGMA foreign_keys = OFF"); err != nil {
		return err
	}
	for _, o := range objects {
		if err := p.exec(ctx, "DROP "+strings.ToUpper(o.kind)+` IF EXISTS "`+strings.ReplaceAll(o.name, `"`, `""`)+`"`); err != nil {
			return err
		}
	}
	return p.exec(ctx, "PRAGMA foreign_keys = ON")
}
