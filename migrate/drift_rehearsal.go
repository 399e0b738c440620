package migrate

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	atlas "ariga.io/atlas/sql/migrate"

	"github.com/entenancy/tenancy/internal/pgerror"
	"github.com/entenancy/tenancy/migrate/internal/statements"
)

// wanted executes all migrations of a directory in a new schema, tells what is there, and
// takes it back. It is told the home where they are of the home's own.
func (r *Runner) wanted(ctx context.Context, directory *Directory, home *place) (all contents, sum string, err error) {
	made := planFor(ctx, directory, &state{exists: true}, nil)
	if made.err != nil {
		return contents{}, "", fmt.Errorf("migrate: finding out what the migrations make: %w", made.err)
	}
	re := &rehearsal{Runner: r, home: home}
	all, sum, err = re.of(ctx, made.files)
	if hasCode(err, "55P04") { // a value of an enum is used in the transaction that adds it
		re.spares = addedIn(made.files)
		all, sum, err = re.of(ctx, made.files)
	}
	var failed *statementError
	switch {
	case errors.As(err, &failed):
		err = fmt.Errorf("migrate: finding out what the migrations make, in a transaction that is taken back: %w "+
			"(Drift begins with the last checkpoint, as a new place does: where the file is right, put a checkpoint behind it)", err)
	case err != nil:
		err = fmt.Errorf("migrate: finding out what the migrations make: %w", err)
	}
	return all, sum, err
}

// rehearsal executes migrations in a schema of its own, in a transaction that is taken back.
type rehearsal struct {
	*Runner

	tx       *sql.Tx
	schema   string
	home     *place   // whose own migrations they are, nil for those of tenants
	spares   int      // values that each enum has beside its own
	detached []uint32 // tables that were partitions, and got a check where they are not rehearsed
}

// of executes files and tells what they make.
func (r *rehearsal) of(ctx context.Context, files []pending) (all contents, sum string, err error) {
	r.schema, r.detached = fmt.Sprintf("tenancy_drift_%d", time.Now().UnixNano()), nil
	if r.tx, err = r.config.Home.BeginTx(ctx, &sql.TxOptions{}); err != nil {
		return contents{}, "", pgerror.WithoutConfig(err)
	}
	defer func() { err = errors.Join(err, r.tx.Rollback()) }()
	if err := r.begin(ctx); err != nil {
		return contents{}, "", err
	}
	for _, f := range files {
		if err := r.file(ctx, f.file); err != nil {
			return contents{}, "", err
		}
	}
	if all, err = contentsOf(ctx, r.tx, r.schema); err != nil {
		return contents{}, "", err
	}
	if all.detached, err = names(ctx, r.tx, "SELECT relname FROM pg_class WHERE oid = ANY($1)", r.detached); err != nil {
		return contents{}, "", err
	}
	prints, err := fingerprints(ctx, r.tx, []string{r.schema})
	return all, prints[r.schema], err
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

// file executes a file, but for the transactions that it begins and ends.
func (r *rehearsal) file(ctx context.Context, f *file) error {
	for i, s := range f.statements {
		for _, part := range statements.Parts(r.dialect(), &atlas.Stmt{Text: s.text}) {
			words := wordsOf(r.engine.syntax(), part.Text)
			if r.leavesOut(words) {
				continue
			}
			if err := r.execute(ctx, part, words); err != nil {
				return &statementError{file: f, at: i, err: err}
			}
		}
	}
	return nil
}

var (
	// concurrently is a statement that cannot be in a transaction for one word of it.
	concurrently = regexp.MustCompile(`^(CREATE( UNIQUE)?|DROP) INDEX CONCURRENTLY\b|` + detaching)
	detachment   = regexp.MustCompile(detaching)
)

const detaching = `^ALTER TABLE .*\bDETACH PARTITION .*\bCONCURRENTLY( ;)?$`

// execute executes a statement. The transaction must not end: what comes then would be done
// for good, and elsewhere. So it is in a DO, in which the server refuses what would end one,
// wherever in the text it is. EXECUTE does not allow SELECT INTO as the last statement, so
// there is another.
func (r *rehearsal) execute(ctx context.Context, part statements.Part, words string) error {
	text := part.Text
	if concurrently.MatchString(words) {
		text = statements.Without(r.dialect(), text, "CONCURRENTLY")
	}
	do := fmt.Sprintf("DO $%[1]s$ %[2]s BEGIN EXECUTE $%[1]s_text$%[3]s\n;SELECT$%[1]s_text$; %[4]s END $%[1]s$", r.schema, r.before(), text, r.after())
	_, err := r.tx.ExecContext(ctx, do, r.engine.plain(do)...)
	if err != nil || !detachment.MatchString(words) {
		return err
	}
	// With CONCURRENTLY the partition would have kept a check, whatever it is called in the end.
	last := slices.IndexFunc(part.Tokens, func(t statements.Token) bool { return t.Is("CONCURRENTLY") }) - 1
	name := part.Tokens[last].Text
	if part.Tokens[last].Kind == statements.Word {
		name = strings.ToLower(name)
	}
	var table uint32
	err = r.tx.QueryRowContext(ctx, "SELECT $1::regclass::oid", identifier(name)).Scan(&table)
	r.detached = append(r.detached, table)
	return err
}

var (
	// bracket is a statement that begins or commits a transaction, and says nothing else.
	bracket = regexp.MustCompile(`^(BEGIN|START|COMMIT|END)( WORK| TRANSACTION)?( ;)?$`)
	// upkeep is a statement that only changes how things are stored, and most of which
	// cannot be in a transaction.
	upkeep = regexp.MustCompile(`^(VACUUM|ANALYZE|ANALYSE|REINDEX|CLUSTER|CHECKPOINT)\b`)
	// everywhere is a statement about what is in no schema.
	everywhere = regexp.MustCompile(`^(CREATE|ALTER|DROP)( OR REPLACE)?( TRUSTED)?( PROCEDURAL)? (SCHEMA|DATABASE|ROLE|USER|GROUP|` +
		`EXTENSION|PUBLICATION|SUBSCRIPTION|TABLESPACE|SERVER|FOREIGN DATA WRAPPER|EVENT TRIGGER|LANGUAGE|SYSTEM|CAST)\b`)
	// rows is a statement that changes rows, or a sequence, which is not taken back.
	rows = regexp.MustCompile(`^(INSERT|UPDATE|DELETE|MERGE|WITH|TRUNCATE)\b|^SELECT\b.*\bSETVAL\b`)
)

// leavesOut reports what makes nothing in a schema. In the home that is also what it has
// already, since all files were applied there, and what could change rows of others.
func (r *rehearsal) leavesOut(words string) bool {
	return bracket.MatchString(words) || upkeep.MatchString(words) ||
		r.home != nil && (everywhere.MatchString(words) || rows.MatchString(words))
}
