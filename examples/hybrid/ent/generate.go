package ent

// A project of its own says "go run -mod=mod entc.go", since "go mod tidy" forgets what entc.go
// alone imports. In a workspace, as this example is, there is no such flag.
//
//go:generate go run entc.go
