package tenancyconnect

import (
	"net/http"
	"sync"

	"connectrpc.com/connect"

	"github.com/entenancy/tenancy"
)

// named is a stream that is for a tenant, also if its caller has set the headers
// to something else meanwhile: they go out with the first message.
type named struct {
	connect.StreamingClientConn
	client *client
	tenant tenancy.Tenant
	once   sync.Once
}

// name sets the headers before anything goes out. Later it must not: connect reads
// the headers in a goroutine of its own then.
func (n *named) name() {
	n.once.Do(func() { n.client.name(n.RequestHeader(), n.tenant) })
}

func (n *named) Send(message any) error { // nil sends the headers alone
	n.name()
	return n.StreamingClientConn.Send(message)
}

func (n *named) CloseRequest() error { // without a message sent, the headers go out now
	n.name()
	return n.StreamingClientConn.CloseRequest()
}

// notMade is a stream that is not opened, since it is for no tenant.
type notMade struct {
	spec   connect.Spec
	header http.Header
	err    error
}

func (n *notMade) Spec() connect.Spec           { return n.spec }
func (n *notMade) Peer() connect.Peer           { return connect.Peer{} }
func (n *notMade) Send(any) error               { return n.err }
func (n *notMade) RequestHeader() http.Header   { return n.header }
func (n *notMade) CloseRequest() error          { return n.err }
func (n *notMade) Receive(any) error            { return n.err }
func (n *notMade) ResponseHeader() http.Header  { return http.Header{} }
func (n *notMade) ResponseTrailer() http.Header { return http.Header{} }
func (n *notMade) CloseResponse() error         { return nil }
