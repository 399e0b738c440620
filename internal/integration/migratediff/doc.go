// Package migratediff tests packages migrate/diff and migrate/lint on real
// databases: the files that they make are run, compared and broken.
package migratediff
