// Server is a server to copy from: tenants by signed token, a limit for each, an
// account of what was done, and numbers of what became of requests, on one
// SQLite file and with no other server.
//
//	go run ./examples/server          # says what to send, with tokens it has made
//
// setup.go puts the parts together, and api.go uses them.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"time"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "address to listen on; port 0 is a free one")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout, os.Stderr, *addr); err != nil {
		log.Fatal(err)
	}
}

// run serves until ctx is over. The account and the log go to logs.
func run(ctx context.Context, out, logs io.Writer, addr string) (err error) {
	s, err := newService(ctx, logs)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	if err := s.printSession(out, "http://"+listener.Addr().String()); err != nil {
		return err
	}
	server := &http.Server{Handler: s.handler, ReadHeaderTimeout: 5 * time.Second}
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		stopped <- server.Shutdown(end)
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-stopped
}

// printSession says what to send.
func (s *service) printSession(out io.Writer, url string) error {
	for _, user := range []string{"ann@acme", "bob@globex"} {
		token, err := s.token(user)
		if err != nil {
			return err
		}
		curl := "curl -H 'Authorization: Bearer " + token + "'"
		_, err = fmt.Fprintf(out, "# %s\n%s -d email=new@example.com %s/users\n%s %s/users\n\n", user, curl, url, curl, url)
		if err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(out, "# a stranger, and what became of all\ncurl %s/users\ncurl %s/metrics\n", url, url)
	return err
}
