// Package sqliteurl reads the addresses of SQLite's files, as they are in settings
// and in the records of tenants.
package sqliteurl

import (
	"net/url"
	"path/filepath"
	"strings"
)

// Path returns the file of sqlite:///absolute, sqlite://relative, sqlite:relative or
// file:path, as the operating system writes it. It returns false where there is none.
func Path(address string) (string, bool) {
	_, path, _ := strings.Cut(address, ":")
	path, _, _ = strings.Cut(strings.TrimPrefix(path, "//"), "?")
	path, err := url.PathUnescape(path)
	if err != nil || path == "" || strings.Contains(path, ":memory:") {
		return "", false
	}
	return Local(path), true
}

// Local returns the path of a URL as the operating system writes it. On Windows there
// is a slash before the volume: file:/C:/app/acme.db.
func Local(path string) string {
	if volume := strings.TrimPrefix(path, "/"); filepath.VolumeName(filepath.FromSlash(volume)) != "" {
		path = volume
	}
	return filepath.FromSlash(path)
}
