package registry

import (
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	"github.com/entenancy/tenancy"
)

// Cursor says where a page of List ended. It is made of letters, digits, '-'
// and '_', so it fits in a URL. It holds the id of a tenant, for anyone to read.
type Cursor string

// Position is what a Cursor means: List goes on behind it.
type Position struct {
	// ID is that of the last tenant.
	ID tenancy.ID
	// CreatedAt is when that tenant was created, to the microsecond. Zero
	// unless the order is OrderNewest.
	CreatedAt time.Time
}

// CursorAfter returns the Next of a page in the order of the query that ends
// with t, for those who implement a Store.
func (q Query) CursorAfter(t tenancy.Tenant) Cursor {
	text := string(t.ID)
	if q.Order == OrderNewest {
		text = strconv.FormatInt(t.CreatedAt.UnixMicro(), 10) + cursorSeparator + text
	}
	return Cursor(base64.RawURLEncoding.EncodeToString([]byte(string(q.Order) + cursorSeparator + text)))
}

// cursorSeparator stands between the parts of a cursor. No order or number has it.
const cursorSeparator = ":"

// Position returns what After means, and false for the start, for those who
// implement a Store. A cursor that is damaged, or of another order, is
// [tenancy.ErrInvalidQuery].
func (q Query) Position() (Position, bool, error) {
	if q.After == "" {
		return Position{}, false, nil
	}
	p, ok := q.decodeCursor()
	if !ok || p.ID.Validate() != nil || q.CursorAfter(tenancy.Tenant{ID: p.ID, CreatedAt: p.CreatedAt}) != q.After {
		return Position{}, false, invalidQuery("After", "it is not the Next of a page in this order")
	}
	return p, true, nil
}

func (q Query) decodeCursor() (p Position, ok bool) {
	text, err := base64.RawURLEncoding.DecodeString(string(q.After))
	if err != nil {
		return p, false
	}
	rest, ok := strings.CutPrefix(string(text), string(q.Order)+cursorSeparator)
	if !ok {
		return p, false
	}
	if q.Order == OrderNewest {
		micros, id, _ := strings.Cut(rest, cursorSeparator)
		n, err := strconv.ParseInt(micros, 10, 64)
		if err != nil || n < 0 || n > maxCursorTime {
			return p, false
		}
		p.CreatedAt, rest = time.UnixMicro(n).UTC(), id
	}
	p.ID = tenancy.ID(rest)
	return p, true
}

// maxCursorTime is the end of the year 9999, the last that MySQL's datetime
// holds, in microseconds since 1970.
const maxCursorTime = 253402300799999999
