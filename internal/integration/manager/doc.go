// Package manager tests what package manager puts together, from one
// configuration, on real databases and over HTTP.
package manager
