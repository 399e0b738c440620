package lint

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"ariga.io/atlas/sql/migrate"

	"github.com/entenancy/tenancy/migrate/internal/statements"
)

// Rule is what a statement breaks.
type Rule string

// The rules; see the package's documentation.
const (
	Checksum    Rule = "checksum"
	Version     Rule = "version"
	Qualified   Rule = "qualified"
	Outside     Rule = "outside"
	Transaction Rule = "transaction"
	Destructive Rule = "destructive"
	Locking     Rule = "locking"
	Isolation   Rule = "isolation"
	Mark        Rule = "mark"
)

// Escapes reports the rules whose breach reaches out of the place that a file is
// run in.
func (r Rule) Escapes() bool { return r == Qualified || r == Outside || r == Transaction }

// allowable reports the rules that a mark can allow.
func (r Rule) allowable() bool {
	return r == Qualified || r == Outside || r == Destructive || r == Locking || r == Isolation
}

// Config says how to read the files.
type Config struct {
	// Dialect is dialect.Postgres, dialect.MySQL (also for MariaDB) or dialect.SQLite. Required.
	Dialect string
	// After leaves out files up to this version, which are applied and cannot be
	// changed any more. Defaults to none: all files are looked at.
	After string
	// TenantColumns are the columns with the tenant's id, which have to stay NOT NULL
	// and without a default. Defaults to tenant_id alone.
	TenantColumns []string
}

// tenantColumns are those that are meant.
func (c Config) tenantColumns() []string {
	if len(c.TenantColumns) == 0 {
		return []string{"tenant_id"}
	}
	return c.TenantColumns
}

// Finding is one reason to refuse a file.
type Finding struct {
	File      string
	Line      int    // of the statement, from 1; 0 for the whole file
	Statement string // its text; empty for the whole file
	Rule      Rule
	Message   string // what is wrong and what to do instead
}

// String is one line: file, line, rule and message.
func (f Finding) String() string {
	return fmt.Sprintf("%s:%d: %s: %s", f.File, f.Line, f.Rule, f.Message)
}

// Directory looks at all files of a directory in Atlas' format, and at its
// atlas.sum. The findings are in the order of the files. An error means that the
// directory has no migrations or could not be read, and says nothing of the files.
//
// It needs no tenant and no database, and is safe for concurrent use.
func Directory(fsys fs.FS, config Config) ([]Finding, error) {
	names, err := fs.Glob(fsys, "*.sql")
	if err != nil {
		return nil, fmt.Errorf("lint: %w", err)
	}
	if _, err := fs.Stat(fsys, migrate.HashFileName); err != nil && len(names) == 0 {
		return nil, fmt.Errorf("lint: there are no migrations: neither *.sql nor %s", migrate.HashFileName)
	}
	dir := &migrate.MemDir{}
	for _, file := range append(names, migrate.HashFileName) {
		text, err := fs.ReadFile(fsys, file)
		if errors.Is(err, fs.ErrNotExist) && file == migrate.HashFileName {
			continue
		}
		if err == nil {
			err = dir.WriteFile(file, text)
		}
		if err != nil {
			return nil, fmt.Errorf("lint: %w", err)
		}
	}
	files, err := dir.Files()
	if err != nil {
		return nil, fmt.Errorf("lint: %w", err)
	}
	var findings []Finding
	if err := migrate.Validate(dir); err != nil && !slices.ContainsFunc(files, otherLines) { // of which the sum is another one
		findings = append(findings, Finding{File: migrate.HashFileName, Rule: Checksum, Message: err.Error() + ": if the change is meant, write the sum again by tenancy migrate hash, or diff.Hash of the directory above"})
	}
	more, err := Files(files, config)
	return append(findings, more...), err
}

// otherLines reports a file whose lines do not end as they did when it was summed.
func otherLines(f migrate.File) bool { return statements.CheckLines(f.Bytes()) != nil }

// Files is [Directory] for files that were read already, in their order. It does
// not look at a sum.
func Files(files []migrate.File, config Config) ([]Finding, error) {
	if err := statements.Check(config.Dialect); err != nil {
		return nil, fmt.Errorf("lint: Config.Dialect: %w", err)
	}
	made := newCatalog()
	findings := sameVersions(files)
	for _, f := range files {
		if err := statements.CheckLines(f.Bytes()); err != nil {
			findings = append(findings, Finding{File: f.Name(), Rule: Checksum, Message: err.Error()})
			continue
		}
		read, err := statements.Of(config.Dialect, string(f.Bytes()))
		if err != nil {
			return nil, fmt.Errorf("lint: %s: %w", f.Name(), err)
		}
		found := lintFile(newFile(f, config, made), f.Name(), read)
		if f.Version() > config.After {
			findings = append(findings, found...)
		}
	}
	return findings, nil
}

// sameVersions returns a finding for each file with the version of another one before it:
// the runner refuses the whole directory then.
func sameVersions(files []migrate.File) (findings []Finding) {
	first := map[string]string{}
	for _, f := range files {
		if other, ok := first[f.Version()]; ok {
			findings = append(findings, Finding{File: f.Name(), Rule: Version, Message: "it has the same version as " + other +
				", and nothing of the directory is applied: give it a later one, and write the sum again by tenancy migrate hash, or diff.Hash of the directory above"})
			continue
		}
		first[f.Version()] = f.Name()
	}
	return findings
}

// lintFile returns the findings of one file.
func lintFile(f *file, fileName string, read []*migrate.Stmt) []Finding {
	var parts []statements.Part
	for _, s := range read {
		parts = append(parts, statements.Parts(f.dialect, s)...)
	}
	for _, p := range parts {
		f.statements = append(f.statements, &statement{p.Tokens})
	}
	var findings []Finding
	for i, part := range parts {
		s := f.statements[i]
		f.at = i
		found := s.problems(f)
		found = append(marked(marksOf(part.Comments), &found), found...)
		slices.SortStableFunc(found, func(a, b problem) int { return strings.Compare(string(a.rule), string(b.rule)) })
		for _, p := range found {
			findings = append(findings, Finding{
				File: fileName, Line: 1 + strings.Count(f.text[:part.Pos], "\n"),
				Statement: part.Text, Rule: p.rule, Message: p.message,
			})
		}
		f.note(s)
	}
	return findings
}
