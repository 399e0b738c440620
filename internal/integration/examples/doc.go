// Package examples runs the examples that need a server, as a reader would.
package examples
