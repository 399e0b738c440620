package output

import (
	"io"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// hidden stands where a secret would have been shown.
const hidden = "[redacted]"

var (
	inURL    = regexp.MustCompile(`([a-z][a-z0-9+]*://[^\s:/@"']*):[^\s@"']*@`)
	inDSN    = regexp.MustCompile(`([^\s:/@"'(]+):[^\s"']*@((?:tcp|tcp6|unix)\()`)
	inValues = regexp.MustCompile(`(?i)\b(password|passwd|sslpassword)=('(?:[^'\\]|\\.)*'|[^\s&"']+)`)
)

// hide takes out of a text what has the form of a password in a database URL. It
// is the last guard: nothing should write one in the first place.
func hide(text string) string {
	text = inURL.ReplaceAllString(text, "$1:"+hidden+"@")
	text = inDSN.ReplaceAllString(text, "$1:"+hidden+"@$2")
	return inValues.ReplaceAllString(text, "$1="+hidden)
}

// Redactor returns a function that takes secrets out of the text of an error:
// the given ones, wherever they are, and what has the form of one.
func Redactor(secrets ...string) func(string) string {
	var known []string
	for _, secret := range secrets {
		// A short password would be found in words that have nothing to do with it.
		if len(secret) >= 4 {
			known = append(known, secret, url.QueryEscape(secret), url.PathEscape(secret))
		}
	}
	slices.SortFunc(known, func(a, b string) int { return len(b) - len(a) })
	pairs := make([]string, 0, 2*len(known))
	for _, secret := range slices.Compact(known) {
		pairs = append(pairs, secret, hidden)
	}
	replacer := strings.NewReplacer(pairs...)
	return func(text string) string { return hide(replacer.Replace(text)) }
}

// Redacting returns a writer of whole lines, whose secrets redact takes out.
func Redacting(w io.Writer, redact func(string) string) io.Writer { return redacting{w, redact} }

type redacting struct {
	w      io.Writer
	redact func(string) string
}

// Write implements [io.Writer].
func (r redacting) Write(line []byte) (int, error) {
	if _, err := io.WriteString(r.w, r.redact(string(line))); err != nil {
		return 0, err
	}
	return len(line), nil
}
