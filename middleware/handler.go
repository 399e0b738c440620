package middleware

import "net/http"

// handler is the tenant handler around next. It is not changed once made.
type handler struct {
	gate *Gate
	next http.Handler
}

// Handler wraps a handler, as New says. One Gate may be wrapped around several.
func (g *Gate) Handler(next http.Handler) http.Handler { return &handler{gate: g, next: next} }

// handBack gives the server the files of an upload to remove: it knows no other request.
func handBack(sent, own *http.Request) {
	if own.MultipartForm != sent.MultipartForm {
		sent.MultipartForm = own.MultipartForm
	}
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a := h.gate.Admit(r)
	defer handBack(r, a.own)
	a.addHeader(w.Header())
	if a.Refusal != nil {
		w.WriteHeader(a.Refusal.answer.problem.Status)
		_, _ = w.Write(a.Refusal.answer.body) // nobody is left to tell
		return
	}
	h.next.ServeHTTP(w, a.Request)
}
