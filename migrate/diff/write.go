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

// write makes the files of plans, with versions from the given one on, and the
// sum that includes them. It returns their paths.
func (h half) write(plans []*migrate.Plan, version time.Time) ([]string, error) {
	if len(plans) == 0 {
		return nil, nil
	}
	path := filepath.Join(h.config.Dir, h.name)
	if err := os.MkdirAll(path, 0o750); err != nil {
		return nil, fmt.Errorf("diff: %w", err)
	}
	dir, err := migrate.NewLocalDir(path)
	if err != nil {
		return nil, fmt.Errorf("diff: %w", err)
	}
	var written []string
	for i, plan := range plans {
		if err := writePlans(dir, []*migrate.Plan{plan}, version.Add(time.Duration(i)*time.Second)); err != nil {
			return written, fmt.Errorf("%w (directory %s)", err, path)
		}
		written = append(written, filepath.Join(path, plan.Version+"_"+plan.Name+".sql"))
	}
	return written, nil
}

// writePlans writes the files of plans to a directory, each a second later than the one before.
func writePlans(dir migrate.Dir, plans []*migrate.Plan, version time.Time) error {
	planner := migrate.NewPlanner(nil, dir, migrate.PlanFormat(migrate.DefaultFormatter))
	for i, plan := range plans {
		plan.Version = version.Add(time.Duration(i) * time.Second).Format(versionFormat)
		if err := planner.WritePlan(plan); err != nil {
			return fmt.Errorf("diff: writing %s: %w", plan.Name, err)
		}
	}
	return nil
}

// nextVersion is the time, or a second after the last file where that is later:
// two files of one second would be one. It is the same for both directories, so
// that a version is that of one change in either.
func (c Config) nextVersion() (time.Time, error) {
	version := time.Now().UTC().Truncate(time.Second)
	for _, name := range []string{TenantDir, SharedDir} {
		dir, err := openDir(filepath.Join(c.Dir, name))
		if err != nil {
			return version, err
		}
		files, err := dir.Files()
		if err != nil {
			return version, fmt.Errorf("diff: %w", err)
		}
		if len(files) == 0 {
			continue
		}
		last := files[len(files)-1]
		at, err := time.Parse(versionFormat, last.Version())
		switch {
		case err == nil && !at.Before(version):
			version = at.Add(time.Second)
		case err != nil && last.Version() >= version.Format(versionFormat):
			return version, fmt.Errorf("diff: the version of %s is no time, and a new one would not come after it: rename it to one like %s_name.sql", last.Name(), version.Format(versionFormat))
		}
	}
	return version, nil
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

// checkDir refuses files that were changed since they were summed, two of one version,
// which the runner refuses, and those that would reach out of the place in which they are
// replayed.
func checkDir(dir migrate.Dir, dialect string) error {
	if err := migrate.Validate(dir); err != nil {
		return fmt.Errorf("diff: the files are not those of atlas.sum: if the change is meant, and they were not applied anywhere, run tenancy migrate hash, or call diff.Hash: %w", err)
	}
	files, err := dir.Files()
	if err != nil {
		return fmt.Errorf("diff: %w", err)
	}
	findings, err := lint.Files(files, lint.Config{Dialect: dialect})
	if err != nil {
		return err
	}
	findings = slices.DeleteFunc(findings, func(f lint.Finding) bool { return !f.Rule.Escapes() && f.Rule != lint.Version })
	if len(findings) > 0 {
		return fmt.Errorf("diff: the files cannot be replayed: %s", findings[0])
	}
	return nil
}
