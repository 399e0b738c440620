package sqlite

import (
	"context"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/internal/guard"
	"github.com/entenancy/tenancy/schema"
)

// The values of mode in SQLite's URIs. Neither creates a file.
const (
	readOnly  = "ro"
	readWrite = "rw"
)

// connector opens connections to one file, with the global file attached.
type connector struct {
	files   *Files
	file    string
	tenant  tenancy.Tenant // whose file it is; zero for the home's
	attach  string         // how the global file is attached
	guarded bool
}

// Driver implements [sqldriver.Connector].
func (c *connector) Driver() sqldriver.Driver { return c.files.config.Driver }

// Connect implements [sqldriver.Connector].
func (c *connector) Connect(ctx context.Context) (sqldriver.Conn, error) {
	file, err := c.find()
	if err != nil {
		return nil, err
	}
	inner, err := c.files.config.Driver.Open(c.files.uri(c.file, readWrite))
	if err != nil {
		return nil, fmt.Errorf("sqlite: opening %s: %w", c.name(), err)
	}
	conn, err := c.setUp(ctx, session{conn: inner}, opened{{c.file, file}})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("sqlite: opening %s: %w", c.name(), err), inner.Close())
	}
	return conn, nil
}

// find finds the connector's file, and fails unless it is there and, if it is a
// tenant's, no file of others under another name.
func (c *connector) find() (os.FileInfo, error) {
	file, err := os.Stat(c.file)
	switch {
	case c.file == "":
		return nil, errors.New("sqlite: there is no home: Config.Home and Config.Global are empty")
	case errors.Is(err, fs.ErrNotExist) && c.tenant.ID != "":
		return nil, fmt.Errorf("sqlite: %w: %s is missing", tenancy.ErrNotProvisioned, c.name())
	case err != nil:
		return nil, fmt.Errorf("sqlite: %s: %w", c.name(), reasonOf(err))
	case c.tenant.ID == "":
		return file, nil
	}
	for _, others := range []string{c.files.config.Global, c.files.config.Home} {
		if info, err := os.Stat(others); err == nil && os.SameFile(file, info) {
			return nil, fmt.Errorf("sqlite: %w: %s is that of others", tenancy.ErrInvalidPlacement, c.name())
		}
	}
	return file, nil
}

// name is what the file is, in an error. Its path can be part of a secret URL.
func (c *connector) name() string {
	if c.tenant.ID == "" {
		return "the file of the home"
	}
	return "the file of " + c.tenant.String()
}

// reasonOf is an error about a file without the path.
func reasonOf(err error) error {
	if about := new(fs.PathError); errors.As(err, &about) {
		return about.Err
	}
	return err
}

// setUp makes a connection ready. A connection that has seen another schema of the
// global file, or whose files have been replaced, is not used again.
func (c *connector) setUp(ctx context.Context, s session, files opened) (sqldriver.Conn, error) {
	err := s.exec(ctx,
		fmt.Sprintf("PRAGMA busy_timeout = %d", c.files.config.BusyTimeout.Milliseconds()),
		"PRAGMA foreign_keys = 1")
	if err != nil {
		return nil, err
	}
	if err := s.isFile(ctx, "main", c.file); err != nil {
		return nil, err
	}
	if err := s.useWAL(ctx, "main"); err != nil {
		return nil, err
	}
	conn := &guard.Conn{Conn: s.conn, Check: passes, Ended: s.ended}
	if c.guarded {
		conn.Check, conn.Stays, conn.Spent = check, stays, spent
	}
	conn.Reset = func(context.Context) error { return files.check() }
	if global := c.files.config.Global; global != "" && global != c.file {
		if err := files.look(global); err != nil {
			return nil, fmt.Errorf("the file of the global tables, Config.Global: %w", err)
		}
		sameSchema, err := c.attachGlobal(ctx, s)
		if err != nil {
			return nil, err
		}
		conn.Reset = func(ctx context.Context) error {
			if err := files.check(); err != nil {
				return err
			}
			return sameSchema(ctx)
		}
	}
	return conn, files.check() // as they were looked at before, and opened after
}

// attachGlobal attaches the global file, and returns what keeps watch over its schema.
func (c *connector) attachGlobal(ctx context.Context, s session) (sameSchema func(context.Context) error, err error) {
	global := c.files.config.Global
	if err := s.exec(ctx, "ATTACH DATABASE "+literal(c.files.uri(global, c.attach))+" AS "+schema.GlobalTables); err != nil {
		return nil, fmt.Errorf("attaching the file of the global tables: %w", err)
	}
	if err := s.isFile(ctx, schema.GlobalTables, global); err != nil {
		return nil, err
	}
	if c.attach == readWrite {
		if err := s.useWAL(ctx, schema.GlobalTables); err != nil {
			return nil, err
		}
	}
	const version = "PRAGMA " + schema.GlobalTables + ".schema_version"
	seen, err := s.column(ctx, version, 0) // before the tables, so as to miss no change
	if err != nil {
		return nil, err
	}
	if err := c.files.checkTables(ctx, s); err != nil {
		return nil, err
	}
	return func(ctx context.Context) error {
		now, err := s.column(context.WithoutCancel(ctx), version, 0)
		if err != nil || !slices.Equal(now, seen) {
			return sqldriver.ErrBadConn // database/sql opens another, and ignores other errors
		}
		return nil
	}, nil
}

// uri names a file for SQLite, with the driver's parameters.
func (f *Files) uri(file, mode string) string {
	parameters := url.Values{"mode": {mode}}
	for name, values := range f.config.Parameters {
		if name != "mode" {
			parameters[name] = values
		}
	}
	path := filepath.ToSlash(file)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // C:/app/acme.db
	}
	u := url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: parameters.Encode()}
	return u.String()
}
