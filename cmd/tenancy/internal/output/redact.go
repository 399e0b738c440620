package output

import (
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// hidden stands where a secret would have been shown.
const hidden = "[redacted]"

var (
	inURL = regexp.MustCompile(`(?i)([a-z][a-z0-9+.-]*://[^\s:/@"']*):[^\s"]*@`)
	inDSN = regexp.MustCompile(`([^\s:/@"'(]+):[^\s"]*@((?:tcp|tcp6|unix)\()`)
	// The value may be in quotes, and those in a text that was quoted itself. One whose end is missing goes to the end.
	inValues = regexp.MustCompile(`(?i)\b((?:pg|ssl)?passw(?:or)?d)=(\\+"[^"]*"?|"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|[^\s&"']+)`)
)

// hide takes out of a text what has the form of a password in a database URL. It
// is the last guard: nothing should write one in the first place.
func hide(text string) string {
	text = inURL.ReplaceAllString(text, "$1:"+hidden+"@")
	text = inDSN.ReplaceAllString(text, "$1:"+hidden+"@$2")
	return inValues.ReplaceAllString(text, "$1="+hidden)
}

// inJSON finds the texts in valid JSON: there quotes are nowhere else.
var inJSON = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// hideJSON is hide for each text in JSON, which stays JSON: what hide takes out of
// the text as it is written may be a half of what is escaped there.
func hideJSON(text []byte) ([]byte, error) {
	var failed error
	text = inJSON.ReplaceAllFunc(text, func(written []byte) []byte {
		var plain string
		err := json.Unmarshal(written, &plain)
		if shown := hide(plain); err == nil && shown != plain {
			written, err = json.Marshal(shown)
		}
		failed = errors.Join(failed, err)
		return written
	})
	return text, failed
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
