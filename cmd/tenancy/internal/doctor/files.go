package doctor

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/entenancy/tenancy"
)

// files compares the files of tenants that there are with the registry.
func (e *examination) files(ctx context.Context) (*Check, error) {
	check := &Check{}
	for _, t := range e.all {
		path, err := e.File(t)
		if path == "" && err == nil || t.Status == tenancy.StatusProvisioning {
			continue
		}
		if err != nil {
			check.add(Problem, err.Error())
		} else if _, err := os.Stat(path); err != nil {
			check.add(Problem, fmt.Sprintf("%s has no namespace: there is no file %s%s", t, filepath.Base(path), wayBack))
		}
	}
	paths, err := filepath.Glob(filepath.Join(e.Config.Database.TenantsDir, "*.db"))
	if err != nil {
		return nil, err
	}
	marks := map[string]string{}
	for _, path := range paths {
		marks[strings.TrimSuffix(filepath.Base(path), ".db")] = markOf(ctx, path)
	}
	owned := e.orphans(check, "file", marks, func(t tenancy.Tenant, name string) bool {
		path, err := e.File(t)
		return err == nil && filepath.Base(path) == name+".db"
	})
	slices.SortFunc(check.Findings, func(a, b Finding) int { return strings.Compare(a.Message, b.Message) })
	check.Note = plural(owned, "namespace") + " of tenants"
	return check, nil
}

// markOf reads the mark of a file, empty if it has none or is no database.
func markOf(ctx context.Context, path string) string {
	address := url.URL{Scheme: "file", OmitHost: true, Path: filepath.ToSlash(path), RawQuery: "mode=ro"}
	if absolute, err := filepath.Abs(path); err == nil {
		address.Path = filepath.ToSlash(absolute)
	}
	db, err := sql.Open("sqlite", address.String())
	if err != nil {
		return ""
	}
	defer func() { _ = db.Close() }() // it was only read
	var mark string
	if err := db.QueryRowContext(ctx, "SELECT mark FROM tenancy_namespace WHERE id = 1").Scan(&mark); err != nil {
		return ""
	}
	return mark
}
