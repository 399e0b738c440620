package sqlite

import (
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/internal/sqliteurl"
)

// Path returns the file of a tenant, which may not exist yet. It fails with
// tenancy.ErrInvalidPlacement for a tenant without a file of its own, and where
// the placement cannot be used.
//
// A Placement.Schema consists of lower-case letters, digits and ._-, begins with
// a letter or a digit and has up to 100 characters: many file systems take Acme
// for acme. A Placement.DatabaseURL has a scheme, an absolute path, and nothing else.
func (f *Files) Path(t tenancy.Tenant) (string, error) {
	var path, reason string
	switch t.Isolation {
	case tenancy.IsolationSchema:
		path, reason = filepath.Join(f.config.Dir, t.Placement.Schema+".db"), unusable(t.Placement.Schema)
		if f.config.Dir == "" {
			reason = "has no directory: Config.Dir is empty"
		}
		reason = after("Placement.Schema ", reason)
	case tenancy.IsolationDatabase:
		path, reason = pathOf(t.Placement.DatabaseURL.Reveal())
		reason = after("Placement.DatabaseURL ", reason)
	default:
		reason = "it has no file of its own"
	}
	if reason == "" && (strings.EqualFold(path, f.config.Global) || strings.EqualFold(path, f.config.Home)) {
		reason = "its file is that of others"
	}
	if reason != "" {
		return "", fmt.Errorf("sqlite: %w: %s: %s", tenancy.ErrInvalidPlacement, t, reason)
	}
	return path, nil
}

func after(subject, reason string) string {
	if reason == "" {
		return ""
	}
	return subject + reason
}

// pathOf returns the path in a file: URL, or why it cannot be used. The URL may
// hold what a parameter of it is to keep secret, so it is not shown.
func pathOf(address string) (path, reason string) {
	u, err := url.Parse(address)
	switch {
	case address == "":
		return "", "is empty"
	case err != nil || u.Scheme != "file" || u.Opaque != "" || u.Host != "" || u.User != nil ||
		u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return "", "is not a URL like file:/var/lib/app/acme.db, without parameters"
	}
	path = sqliteurl.Local(u.Path)
	if !filepath.IsAbs(path) || filepath.Clean(path) != path || strings.ContainsRune(path, 0) {
		return "", "has a path that is not absolute, or not in its shortest form"
	}
	return path, ""
}

// longestName is as much as leaves room for suffixes in the 255 bytes of file systems.
const longestName = 100

// unusable says why a name cannot be that of a tenant's file, "" if it can. It
// is a second look: the registry has given the name.
func unusable(name string) string {
	switch {
	case name == "":
		return "is empty"
	case len(name) > longestName:
		return "is longer than 100 characters"
	case strings.ContainsFunc(name, notInName) || strings.ContainsRune("._-", rune(name[0])):
		return "has characters other than a-z, 0-9 and ._-, or does not begin with a letter or a digit"
	}
	device, _, _ := strings.Cut(name, ".")
	if slices.Contains([]string{"con", "prn", "aux", "nul"}, device) ||
		len(device) == 4 && (device[:3] == "com" || device[:3] == "lpt") && '0' <= device[3] && device[3] <= '9' {
		return "is that of a device on Windows"
	}
	return ""
}

func notInName(r rune) bool {
	return (r < 'a' || r > 'z') && (r < '0' || r > '9') && !strings.ContainsRune("._-", r)
}
