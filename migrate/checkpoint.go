package migrate

import (
	"slices"

	atlas "ariga.io/atlas/sql/migrate"
)

// isCheckpoint reports whether a file has "-- atlas:checkpoint" at its top: it makes all
// that the files before it make. A new place begins with the last one, and a place that
// has a file already gets none.
func isCheckpoint(f atlas.File) bool {
	checkpoint, ok := f.(atlas.CheckpointFile)
	return ok && checkpoint.IsCheckpoint()
}

// cutAfter reports whether a place that is at a version lacks the checkpoint that the
// directory begins with. It never gets it, and what else was before it nobody knows.
func (d *Directory) cutAfter(version string) bool {
	return len(d.frozen.files) > 0 && isCheckpoint(d.frozen.files[0]) && version < d.frozen.files[0].Version()
}

// latest is the last version that every place gets to.
func (d *Directory) latest() string { return d.reached(d.Version()) }

// reached is how far a place is that is at a version: one at a checkpoint is where others
// are that have the file before it. Without such a file the checkpoint counts as itself.
func (d *Directory) reached(version string) string {
	at := slices.IndexFunc(d.frozen.files, func(f atlas.File) bool { return f.Version() == version })
	for _, f := range slices.Backward(d.frozen.files[:at+1]) {
		if !isCheckpoint(f) {
			return f.Version()
		}
	}
	return version
}

// complete reports whether a place has all files, each to its end.
func (d *Directory) complete(s *state) bool {
	return s.done == s.version && d.reached(s.done) == d.latest()
}
