// Package mysqldsn takes data source names of Go-MySQL-Driver apart where it does
// not need the driver, which the library does not import.
package mysqldsn

import (
	"net"
	"strings"
)

// DSN is a data source name: login, server, name and parameters, one behind the
// other. A login is not escaped: a password may have any character in it.
type DSN struct {
	Login      string // user:password@, empty if there is none
	Server     string // tcp(host:3306)
	Name       string // of the database, escaped
	Parameters string // ?name=value&…, empty if there are none
}

// Parse reads a data source name as the driver does: the name of the database is
// behind the last slash, the server behind the last @ before that, and the
// parameters begin behind the name. It returns false where there is no slash.
func Parse(text string) (DSN, bool) {
	slash := strings.LastIndexByte(text, '/')
	if slash < 0 {
		return DSN{}, false
	}
	at := strings.LastIndexByte(text[:slash], '@') + 1
	name, parameters, found := strings.Cut(text[slash+1:], "?")
	if found {
		parameters = "?" + parameters
	}
	return DSN{Login: text[:at], Server: text[at:slash], Name: name, Parameters: parameters}, true
}

// String is the data source name. It holds the password.
func (d DSN) String() string { return d.Login + d.Server + "/" + d.Name + d.Parameters }

// Address is that of the server, as the driver completes it. It holds no password.
func (d DSN) Address() string {
	network, address, _ := strings.Cut(strings.TrimSuffix(d.Server, ")"), "(")
	switch {
	case network != "" && network != "tcp":
		return address
	case address == "":
		return "127.0.0.1:3306"
	}
	if _, _, err := net.SplitHostPort(address); err != nil {
		return net.JoinHostPort(address, "3306")
	}
	return address
}
