// Package migrate tests and measures fleet migrations on real databases.
package migrate
