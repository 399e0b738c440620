//go:build !linux

package servers

func scratch() string { return "" }
