// Package middlewaretest is what a tenant handler has to do, in net/http and in
// every framework that has an adapter. It is for the authors of adapters:
//
//	func TestConformance(t *testing.T) {
//		middlewaretest.Run(t, func(tb testing.TB, s middlewaretest.Setup) string {
//			...
//			return server.URL
//		})
//	}
//
// # What an adapter has to bring
//
// A server of this application, written as applications in the framework are,
// behind the tenant handler that is made from the Setup:
//
//	/tenant      200 with App.Tenant of the context as the body, and
//	/health      "Vary: Accept-Language" added
//	/health/live
//	/healthcare
//	/error       fails with ErrApp, which the framework's own handling of
//	             errors answers with StatusApp and the error's text as the body
//	/panic       calls App.Panic
//	/stream      answers 200 "text/event-stream" and lets App.Stream write it
//
// Around the tenant handler goes a middleware, the outermost one. When all
// inside of it is done it recovers from a panic, tells App.Recovered and answers
// 500; in any case it then tells App.Outside its context.
//
// # Procedure calls
//
// RunRPC is the suite of adapters that answer with codes, such as those of gRPC,
// once for each style of calls. The application has two procedures, Procedure
// and OpenProcedure, which take a text and return that of App.Tenant, but fail
// with CodeApp and ErrApp's text for TextError. An interceptor around the one
// under test tells App.Outside its context when the call is done.
package middlewaretest
