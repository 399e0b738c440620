// Server is a server to copy from: tenants by signed token, a limit for each, an
// account of what was done, and metrics for Prometheus on an address of its own,
// all by one manager.Config, on one SQLite file and with no other server.
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
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "address of the API; port 0 is a free one")
	operators := flag.String("operators", "127.0.0.1:9090", "address of health and metrics")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Stdout, os.Stderr, *addr, *operators); err != nil {
		log.Fatal(err)
	}
}

// run serves until ctx is over. The account and the log go to logs.
func run(ctx context.Context, out, logs io.Writer, addr, operators string) (err error) {
	s, err := newService(ctx, logs)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }() //nolint:contextcheck // it ends when all is done, whatever the context
	forTenants, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	forOperators, err := (&net.ListenConfig{}).Listen(ctx, "tcp", operators)
	if err != nil {
		return errors.Join(err, forTenants.Close())
	}
	if err := s.printSession(out, "http://"+forTenants.Addr().String(), "http://"+forOperators.Addr().String()); err != nil {
		return errors.Join(err, forTenants.Close(), forOperators.Close())
	}
	both, ctx := errgroup.WithContext(ctx)
	both.Go(func() error { return serve(ctx, forTenants, s.tenants) })
	both.Go(func() error { return serve(ctx, forOperators, s.operators) })
	return both.Wait()
}

// serve lets requests end when ctx is over.
func serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second}
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
func (s *service) printSession(out io.Writer, url, operators string) error {
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
	_, err := fmt.Fprintf(out, "# a stranger, and what became of all\ncurl %s/users\ncurl %s/metrics\n", url, operators)
	return err
}
