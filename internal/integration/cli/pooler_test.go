package cli_test

import (
	"errors"
	"net"
	"net/url"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// pooler serves all clients with one connection to the server, a transaction at
// a time, as PgBouncer in transaction mode does with a pool of one.
type pooler struct {
	mu     sync.Mutex // held for a transaction
	server *pgproto3.Frontend
}

// startPooler returns the URL by which the pooler before a database is reached.
func startPooler(t *testing.T, address string) string {
	t.Helper()
	conn, err := pgconn.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	hijacked, err := conn.Hijack()
	if err != nil {
		t.Fatal(err)
	}
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close(); hijacked.Conn.Close() })
	p := &pooler{server: hijacked.Frontend}
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go p.serve(client)
		}
	}()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal("the URL of the test's own database cannot be read")
	}
	u.Host = listener.Addr().String()
	return u.String()
}

// serve ends when the client goes.
func (p *pooler) serve(client net.Conn) {
	defer client.Close()
	backend := pgproto3.NewBackend(client, client)
	if err := welcome(client, backend); err != nil {
		return
	}
	for {
		message, err := backend.Receive()
		if _, ends := message.(*pgproto3.Terminate); err != nil || ends {
			return
		}
		if err := p.transact(backend, message); err != nil {
			return
		}
	}
}

// welcome lets a client in, with a process number that is no process of the server.
func welcome(client net.Conn, backend *pgproto3.Backend) error {
	for {
		message, err := backend.ReceiveStartupMessage()
		if err != nil {
			return err
		}
		switch message.(type) {
		case *pgproto3.SSLRequest, *pgproto3.GSSEncRequest:
			if _, err := client.Write([]byte{'N'}); err != nil {
				return err
			}
			continue
		case *pgproto3.StartupMessage:
		default:
			return errors.New("not a client that begins")
		}
		backend.Send(&pgproto3.AuthenticationOk{})
		for name, value := range map[string]string{"client_encoding": "UTF8", "standard_conforming_strings": "on"} {
			backend.Send(&pgproto3.ParameterStatus{Name: name, Value: value})
		}
		backend.Send(&pgproto3.BackendKeyData{ProcessID: 1, SecretKey: []byte{1, 2, 3, 4}})
		backend.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
		return backend.Flush()
	}
}

// transact sends what a client says on until its transaction is over, and the
// answers back.
func (p *pooler) transact(client *pgproto3.Backend, message pgproto3.FrontendMessage) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		p.server.Send(message)
		switch message.(type) {
		case *pgproto3.Query, *pgproto3.Sync:
			if idle, err := p.answer(client); err != nil || idle {
				return err
			}
		}
		var err error
		if message, err = client.Receive(); err != nil {
			p.server.Send(&pgproto3.Query{String: "ROLLBACK"}) // the client is gone
			_, _ = p.answer(client)
			return err
		}
	}
}

// answer reports whether the server is in no transaction afterwards.
func (p *pooler) answer(client *pgproto3.Backend) (idle bool, err error) {
	if err := p.server.Flush(); err != nil {
		return false, err
	}
	for {
		answer, err := p.server.Receive()
		if err != nil {
			return false, err
		}
		client.Send(answer)
		if ready, ok := answer.(*pgproto3.ReadyForQuery); ok {
			return ready.TxStatus == 'I', client.Flush()
		}
	}
}
