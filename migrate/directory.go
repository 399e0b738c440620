package migrate

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strings"

	atlas "ariga.io/atlas/sql/migrate"
	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy/internal/sqltext"
	"github.com/entenancy/tenancy/migrate/internal/statements"
)

// The directories of a project's migrations, as package migrate/diff writes them.
const (
	TenantDir = "tenant" // of a tenant's own schema or database: the tables that hold rows of tenants
	SharedDir = "shared" // of the home: those, and the tables of global entities
)

// Directory is a migration directory of Atlas, read and checked once. It never
// changes, and is safe for concurrent use.
type Directory struct {
	dialect string
	frozen  *frozen
	ours    map[string]*file // by version
}

// frozen is what Atlas' library reads. Its own directories are read and hashed
// again whenever they are asked.
type frozen struct {
	*atlas.MemDir

	files []atlas.File
	sum   atlas.HashFile
}

func (d *frozen) Files() ([]atlas.File, error)      { return d.files, nil }
func (d *frozen) Checksum() (atlas.HashFile, error) { return d.sum, nil }

// file is one migration.
type file struct {
	atlas.File
	hash       string // as in atlas.sum
	alone      bool   // outside of transactions
	validates  bool   // reads all rows of a table that others go on to use
	addsValue  bool   // adds one to an enum
	statements []statement
}

// statement is one statement of a file.
type statement struct {
	text string
	line int
	one  bool   // and not several behind a delimiter of the file's own
	mark string // Atlas' hash of the file's statements up to this one
}

// NewDirectory reads the files *.sql and atlas.sum at the top of fsys, such as
// an embed.FS or what os.DirFS returns, for databases of the given dialect (as
// in package [entgo.io/ent/dialect]).
//
// It fails with [ErrDirectory], and names the file and line, where a file does
// not match atlas.sum, cannot be read as statements, has lines that end with CR
// LF, or begins or ends transactions itself, be it behind a delimiter of its own.
func NewDirectory(fsys fs.FS, dialectName string) (*Directory, error) {
	if err := statements.Check(dialectName); err != nil {
		return nil, fmt.Errorf("migrate: %w", err)
	}
	d := &Directory{dialect: dialectName, frozen: &frozen{MemDir: &atlas.MemDir{}}, ours: map[string]*file{}}
	if err := d.frozen.read(fsys); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDirectory, err)
	}
	for _, f := range d.frozen.files {
		hash, err := d.frozen.sum.SumByName(f.Name())
		if err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrDirectory, f.Name(), err)
		}
		read, err := readFile(f, hash, dialectName)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrDirectory, err)
		}
		if other, ok := d.ours[f.Version()]; ok {
			return nil, fmt.Errorf("%w: %s and %s have the same version", ErrDirectory, other.Name(), f.Name())
		}
		d.ours[f.Version()] = read
	}
	return d, nil
}

// Version returns the version of the last file, empty if there is none.
func (d *Directory) Version() string {
	if len(d.frozen.files) == 0 {
		return ""
	}
	return d.frozen.files[len(d.frozen.files)-1].Version()
}

// lacks reports whether a version is after all files.
func (d *Directory) lacks(version string) bool { return version > d.Version() }

// Sum returns the hash of the whole directory, as in the first line of atlas.sum.
func (d *Directory) Sum() string { return d.frozen.sum.Sum() }

func (d *frozen) read(fsys fs.FS) error {
	names, err := fs.Glob(fsys, "*.sql")
	if err != nil {
		return err
	}
	for _, name := range append(names, atlas.HashFileName) {
		text, err := fs.ReadFile(fsys, name)
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s is missing: run `tenancy migrate hash`, or write the files with package migrate/diff", name)
		}
		if err != nil {
			return err
		}
		if err := statements.CheckLines(text); err != nil && name != atlas.HashFileName { // in which Atlas takes either
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := d.WriteFile(name, text); err != nil {
			return err
		}
	}
	if err := atlas.Validate(d.MemDir); err != nil {
		var wrong *atlas.ChecksumError
		if errors.As(err, &wrong) {
			return fmt.Errorf("%s:%d: %s was %s: if that is meant, and it was applied nowhere yet, run `tenancy migrate hash`", atlas.HashFileName, wrong.Line, wrong.File, wrong.Reason)
		}
		return err
	}
	if d.files, err = d.MemDir.Files(); err != nil {
		return err
	}
	d.sum, err = d.MemDir.Checksum()
	return err
}

func readFile(f atlas.File, hash, dialectName string) (*file, error) {
	read := &file{File: f, hash: hash}
	local, ok := f.(*atlas.LocalFile)
	if !ok {
		return nil, fmt.Errorf("%s: not a file of Atlas' format", f.Name())
	}
	for _, mode := range local.Directive("txmode") {
		if mode != "none" && mode != "file" {
			return nil, fmt.Errorf("%s: unknown txmode %q", f.Name(), mode)
		}
		read.alone = mode == "none"
	}
	text := string(f.Bytes())
	scanned, err := statements.Of(dialectName, text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Name(), err)
	}
	sum := sha256.New()
	for _, s := range scanned {
		_, _ = sum.Write([]byte(s.Text)) // never fails
		parts := statements.Parts(dialectName, s)
		for _, part := range parts {
			if word := firstWord(part.Text); !read.alone && endsTransaction(word) && !statements.EndsFlow(part.Tokens) {
				return nil, fmt.Errorf("%s:%d: %s: the runner begins and ends transactions", f.Name(), lineAt(text, part.Pos), word)
			}
			read.validates = read.validates || dialectName == dialect.Postgres && validates(part.Text)
			read.addsValue = read.addsValue || dialectName == dialect.Postgres && addsValue(part.Text)
		}
		read.statements = append(read.statements, statement{
			text: s.Text,
			line: lineAt(text, s.Pos),
			one:  len(parts) == 1,
			mark: "h1:" + base64.StdEncoding.EncodeToString(sum.Sum(nil)),
		})
	}
	return read, nil
}

// lineAt is the line of a position, from 1.
func lineAt(text string, pos int) int { return 1 + strings.Count(text[:pos], "\n") }

var validation = regexp.MustCompile(`\bVALIDATE CONSTRAINT\b`)

// validates reports whether a statement of PostgreSQL is ALTER .. VALIDATE CONSTRAINT.
func validates(text string) bool {
	return firstWord(text) == "ALTER" && validation.MatchString(wordsOf(sqltext.Postgres, text))
}

var addedValue = regexp.MustCompile(`^ALTER TYPE .*\bADD VALUE\b`)

// addsValue reports whether a statement of PostgreSQL is ALTER TYPE .. ADD VALUE.
func addsValue(text string) bool { return addedValue.MatchString(wordsOf(sqltext.Postgres, text)) }

// firstWord returns the word that a statement begins with, in upper case.
func firstWord(text string) string {
	text = strings.TrimSpace(text)
	end := strings.IndexFunc(text, func(r rune) bool { return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') })
	if end < 0 {
		end = len(text)
	}
	return strings.ToUpper(text[:end])
}

func endsTransaction(word string) bool {
	switch word {
	case "BEGIN", "START", "COMMIT", "END", "ROLLBACK", "ABORT":
		return true
	default:
		return false
	}
}
