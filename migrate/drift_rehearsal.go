package migrate

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"time"

	atlas "ariga.io/atlas/sql/migrate"

	"github.com/entenancy/tenancy/migrate/internal/statements"
)

// wanted executes all migrations of a directory in a new schema, tells what is there, and
// takes it back. It is told the home where they are of the home's own.
func (r *Runner) wanted(ctx context.Context, directory *Directory, home *place) (all contents, sum string, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("migrate: finding out what the migrations make, in a transaction that is taken back: %w", err)
		}
	}()
	made := planFor(ctx, directory, &state{exists: true}, nil)
	if made.err != nil {
		return contents{}, "", made.err
	}
	tx, err := r.config.Home.BeginTx(ctx, &sql.TxOptions{})
	if err != nil {
		return contents{}, "", err
	}
	defer func() { err = errors.Join(err, tx.Rollback()) }()
	re := &rehearsal{Runner: r, tx: tx, schema: fmt.Sprintf("tenancy_drift_%d", time.Now().UnixNano()), home: home}
	if err := re.begin(ctx); err != nil {
		return contents{}, "", err
	}
	for _, f := range made.files {
		if err := re.file(ctx, f.file); err != nil {
			return contents{}, "", err
		}
	}
	if all, err = contentsOf(ctx, tx, re.schema); err != nil {
		return contents{}, "", err
	}
	prints, err := fingerprints(ctx, tx, []string{re.schema})
	return all, prints[re.schema], err
}

// rehearsal executes migrations in a schema of its own, in a transaction that is taken back.
type rehearsal struct {
	*Runner

	tx     *sql.Tx
	schema string
	home   *place // whose own migrations they are, nil for those of tenants
}

// begin makes the schema. In the home there are things that its migrations use and do not
// make, such as the registry's tables. They are found behind the schema.
func (r *rehearsal) begin(ctx context.Context) error {
	path := identifier(r.schema)
	if _, err := r.tx.ExecContext(ctx, "CREATE SCHEMA "+path); err != nil {
		return err
	}
	if r.home != nil {
		path += ", " + identifier(r.home.schema)
	}
	_, err := r.tx.ExecContext(ctx, "SELECT set_config('search_path', $1, true), set_config('lock_timeout', $2, true)",
		path, fmt.Sprint(milliseconds(r.config.LockTimeout)))
	return err
}

// concurrently is what a statement cannot have within a transaction.
var concurrently = regexp.MustCompile(`(?i)^(\s*(?:CREATE\s+(?:UNIQUE\s+)?|DROP\s+)INDEX)\s+CONCURRENTLY\b`)

// file executes a file. The transaction must not end before: what comes then would be done
// for good, and elsewhere. So those that a file has of its own are left out, and everything
// else is executed by a DO, in which the server refuses what would end one, wherever in the
// text it is. EXECUTE does not allow SELECT INTO as the last statement, so there is another.
func (r *rehearsal) file(ctx context.Context, f *file) error {
	for i, s := range f.statements {
		for _, part := range statements.Parts(r.dialect(), &atlas.Stmt{Text: s.text}) {
			if r.leavesOut(part.Text) {
				continue
			}
			do := fmt.Sprintf("DO $%[1]s$ BEGIN EXECUTE $%[1]s_text$%[2]s\n;SELECT$%[1]s_text$; END $%[1]s$",
				r.schema, concurrently.ReplaceAllString(part.Text, "$1"))
			if _, err := r.tx.ExecContext(ctx, do, r.engine.plain(do)...); err != nil {
				return &statementError{file: f, at: i, err: err}
			}
		}
	}
	return nil
}

var (
	// bracket is a statement that begins or commits a transaction, and says nothing else.
	bracket = regexp.MustCompile(`^(BEGIN|START|COMMIT|END)( WORK| TRANSACTION)?( ;)?$`)
	// everywhere is a statement about what is in no schema.
	everywhere = regexp.MustCompile(`^(CREATE|ALTER|DROP)( OR REPLACE)?( TRUSTED)?( PROCEDURAL)? (SCHEMA|DATABASE|ROLE|USER|GROUP|` +
		`EXTENSION|PUBLICATION|SUBSCRIPTION|TABLESPACE|SERVER|FOREIGN DATA WRAPPER|EVENT TRIGGER|LANGUAGE|SYSTEM|CAST)\b`)
	// rows is a statement that changes rows, or a sequence, which is not taken back.
	rows = regexp.MustCompile(`^(INSERT|UPDATE|DELETE|MERGE|WITH|TRUNCATE)\b|^SELECT\b.*\bSETVAL\b`)
)

// leavesOut reports what makes nothing in a schema. In the home that is also what it has
// already, since all files were applied there, and what could change rows of others.
func (r *rehearsal) leavesOut(text string) bool {
	words := wordsOf(r.engine.syntax(), text)
	return bracket.MatchString(words) || r.home != nil && (everywhere.MatchString(words) || rows.MatchString(words))
}
