package audit_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/audit"
)

// logger writes without what differs from run to run.
func logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey || a.Key == "at" || a.Key == "entry" {
				return slog.Attr{}
			}
			return a
		},
	}))
}

func ExampleNew() {
	log, err := audit.New([]audit.Sink{audit.NewSlogSink(logger())}, audit.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := tenancy.NewContext(context.Background(), tenancy.Tenant{ID: "acme"})
	ctx = audit.WithActor(ctx, audit.Actor{Principal: "ann", ClientAddr: "192.0.2.1"})

	err = log.Record(ctx, audit.Entry{Action: "invoice.delete", Resource: "invoice", ResourceID: "17"}.
		WithMetadata(map[string]any{"total": 12.5, "_enc_iban": "DE02120300000000202051"}))
	fmt.Println(err)
	fmt.Println(log.Close(ctx))
	// Output:
	// level=INFO msg=audit audit.tenant=acme audit.principal=ann audit.action=invoice.delete audit.resource=invoice audit.resource_id=17 audit.client_addr=192.0.2.1 audit.metadata="{\"_enc_iban\":\"[redacted]\",\"total\":12.5}"
	// <nil>
	// <nil>
}

func ExampleNewSlogSink() {
	sink := audit.NewSlogSink(logger())
	err := sink.Write(context.Background(), []audit.Entry{{TenantID: "acme", Action: "sign-in", Resource: "session"}})
	fmt.Println(err)
	// Output:
	// level=INFO msg=audit audit.tenant=acme audit.action=sign-in audit.resource=session
	// <nil>
}

func ExampleNewObserver() {
	log, err := audit.New([]audit.Sink{audit.NewSlogSink(logger())}, audit.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	observer, err := audit.NewObserver(log)
	if err != nil {
		fmt.Println(err)
		return
	}
	// What the driver does at the first statement of a System scope.
	ctx := tenancy.System(context.Background(), "nightly invoice run")
	scope, err := tenancy.ScopeFromContext(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	observer.SystemScope(ctx, scope)
	fmt.Println(log.Close(ctx))
	// Output:
	// level=INFO msg=audit audit.action=system.enter audit.resource=tenants audit.reason="nightly invoice run"
	// <nil>
}

func ExampleWithActor() {
	ctx := audit.WithActor(context.Background(), audit.Actor{Principal: "billing-worker"})
	fmt.Println(audit.ActorFromContext(ctx).Principal)
	// Output: billing-worker
}
