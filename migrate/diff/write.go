package diff

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"ariga.io/atlas/sql/migrate"

	"github.com/entenancy/tenancy/migrate/lint"
)

// versionFormat is of the versions that Atlas gives files.
const versionFormat = "20060102150405"

// planned is a plan and the directory it is for.
type planned struct {
	root, dir string
	plan      *migrate.Plan
}

// write makes the file of a plan, and the sum that includes it.
func (p planned) write() (string, error) {
	path := filepath.Join(p.root, p.dir)
	if err := os.MkdirAll(path, 0o750); err != nil {
		return "", fmt.Errorf("diff: %w", err)
	}
	dir, err := migrate.NewLocalDir(path)
	if err != nil {
		return "", fmt.Errorf("diff: %w", err)
	}
	if p.plan.Version, err = nextVersion(dir); err != nil {
		return "", err
	}
	if err := migrate.NewPlanner(nil, dir, migrate.PlanFormat(migrate.DefaultFormatter)).WritePlan(p.plan); err != nil {
		return "", fmt.Errorf("diff: writing to %s: %w", path, err)
	}
	return filepath.Join(path, p.plan.Version+"_"+p.plan.Name+".sql"), nil
}

// nextVersion is the time, or a second after the last file where that is later:
// two files of one second would be one.
func nextVersion(dir migrate.Dir) (string, error) {
	files, err := dir.Files()
	if err != nil {
		return "", fmt.Errorf("diff: %w", err)
	}
	version := time.Now().UTC().Format(versionFormat)
	if len(files) == 0 {
		return version, nil
	}
	last := files[len(files)-1].Version()
	if last < version {
		return version, nil
	}
	at, err := time.Parse(versionFormat, last)
	if err != nil {
		return "", fmt.Errorf("diff: the version of %s is no time, and a new one would not come after it: rename it to one like %s_name.sql", files[len(files)-1].Name(), version)
	}
	return at.Add(time.Second).Format(versionFormat), nil
}

// openDir returns a directory of files, an empty one if there is none yet.
func openDir(path string) (migrate.Dir, error) {
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return &migrate.MemDir{}, nil
	}
	dir, err := migrate.NewLocalDir(path)
	if err != nil {
		return nil, fmt.Errorf("diff: %w", err)
	}
	return dir, nil
}

// checkDir refuses files that were changed since they were summed, and those
// that would reach out of the place in which they are replayed.
func checkDir(dir migrate.Dir, dialect string) error {
	if err := migrate.Validate(dir); err != nil {
		return fmt.Errorf("diff: the files are not those of atlas.sum: if the change is meant, and they were not applied anywhere, call diff.Hash: %w", err)
	}
	files, err := dir.Files()
	if err != nil {
		return fmt.Errorf("diff: %w", err)
	}
	findings, err := lint.Files(files, lint.Config{Dialect: dialect})
	if err != nil {
		return err
	}
	findings = slices.DeleteFunc(findings, func(f lint.Finding) bool { return !f.Rule.Escapes() })
	if len(findings) > 0 {
		return fmt.Errorf("diff: the files cannot be replayed: %s", findings[0])
	}
	return nil
}
