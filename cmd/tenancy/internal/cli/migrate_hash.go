package cli

import (
	"errors"
	"fmt"
	"path/filepath"

	"ariga.io/atlas/sql/migrate"
	"github.com/spf13/cobra"
)

func (t *tool) hashCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "hash",
		Short: "Write atlas.sum anew, after files were edited that are applied nowhere yet",
		Long: "Writes the atlas.sum of both directories anew, as \"atlas migrate hash\" does for one.\n" +
			"A file that was applied somewhere must not be edited: apply refuses it.",
		Args: usageArgs(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			tenant, shared, err := t.config.Migrations.Directories()
			if err != nil {
				return usage(err)
			}
			for _, directory := range []string{tenant, shared} {
				if directory == "" {
					continue
				}
				if err := t.hash(directory); err != nil {
					return fmt.Errorf("%s: %w", directory, err)
				}
			}
			return nil
		},
	}
	return t.writes(cmd)
}

// hashed is what became of a directory's sum, as JSON shows it.
type hashed struct {
	Directory string `json:"directory"`
	Changed   bool   `json:"changed"`
	From      string `json:"from,omitempty"` // the first file that is another than was summed
	DryRun    bool   `json:"dry_run,omitempty"`
}

// hash writes the sum of one directory, if it is another one.
func (t *tool) hash(directory string) error {
	dir, err := migrate.NewLocalDir(directory)
	if err != nil {
		return err
	}
	shown := hashed{Directory: directory, DryRun: t.dryRun}
	shown.Changed, shown.From, err = edited(dir)
	if err != nil {
		return err
	}
	text := filepath.ToSlash(directory) + "/" + migrate.HashFileName
	switch {
	case !shown.Changed:
		return t.print.Emit("hash", shown, text+" is that of the files")
	case t.dryRun:
		return t.print.Emit("hash", shown, text+" would be written anew"+since(shown.From))
	}
	sum, err := dir.Checksum()
	if err == nil {
		err = migrate.WriteSumFile(dir, sum)
	}
	if err != nil {
		return err
	}
	return t.print.Emit("hash", shown, text+" is written anew"+since(shown.From))
}

// edited reports whether the files are not those of the sum, and the first that is not. One
// that was added or taken away counts as well. There is none where the sum cannot be read.
func edited(dir migrate.Dir) (changed bool, from string, err error) {
	err = migrate.Validate(dir)
	var mismatch *migrate.ChecksumError
	switch {
	case err == nil:
		return false, "", nil
	case errors.As(err, &mismatch):
		return true, mismatch.File, nil
	case errors.Is(err, migrate.ErrChecksumNotFound), errors.Is(err, migrate.ErrChecksumFormat), errors.Is(err, migrate.ErrChecksumMismatch):
		return true, "", nil
	}
	return false, "", err
}

// since says from which file on a sum is another one.
func since(file string) string {
	if file == "" {
		return ""
	}
	return ", from " + file + " on"
}
