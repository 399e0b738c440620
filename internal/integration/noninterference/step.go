package noninterference

import (
	"fmt"
	"math/bits"
	"strings"

	"pgregory.net/rapid"
)

// step is one operation of one tenant. The numbers choose rows and values, so
// that a step means the same whatever other tenants have done before it.
type step struct {
	tenant  int
	op      *operation
	numbers [3]int
	// foreign says which number chooses a row of another tenant: 1 the first,
	// 2 the second, 0 none.
	foreign int
	fault   fault
}

// String shows the step as a line that a person can follow.
func (s step) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s %d %d %d", mark(s.tenant), s.op.name, s.numbers[0], s.numbers[1], s.numbers[2])
	if s.foreign != 0 {
		fmt.Fprintf(&b, ", row %d is another tenant's", s.foreign)
	}
	b.WriteString(s.fault.String())
	return b.String()
}

// mark is the letter that stands for a tenant, in every text of its rows too.
func mark(tenant int) string { return "ABCDE"[tenant : tenant+1] }

// program is what tenants do, in order.
type program []step

// GoString shows the program in rapid's report of a failure.
func (p program) GoString() string {
	var b strings.Builder
	for _, s := range p {
		b.WriteString("\n\t" + s.String())
	}
	return b.String()
}

// of returns the steps of one tenant.
func (p program) of(tenant int) program {
	var own program
	for _, s := range p {
		if s.tenant == tenant {
			own = append(own, s)
		}
	}
	return own
}

// serial moves the steps of each transaction together and ends it, for places
// where two transactions cannot be open at once. No tenant's order changes.
func (p program) serial() program {
	var out program
	rest := append(program(nil), p...)
	for len(rest) > 0 {
		first := rest[0]
		out, rest = append(out, first), rest[1:]
		if first.op.control == begin {
			var moved program
			moved, rest = transactionOf(first.tenant, rest)
			out = append(out, moved...)
			out = append(out, step{tenant: first.tenant, op: &operation{name: "rollback", control: rollback}})
		}
	}
	return out
}

// transactionOf splits off what a tenant does up to the end of its transaction.
func transactionOf(tenant int, p program) (moved, rest program) {
	for i, s := range p {
		if s.tenant != tenant {
			rest = append(rest, s)
			continue
		}
		moved = append(moved, s)
		if s.op.control == commit || s.op.control == rollback {
			return moved, append(rest, p[i+1:]...)
		}
	}
	return moved, rest
}

// programs generates programs of operations, with the given faults among them.
// How long they are is up to rapid's flag "steps".
func programs(operations []*operation, faults []faultKind, kills bool) *rapid.Generator[program] {
	var weighted []*operation
	for _, op := range operations {
		if op.control == kill && !kills {
			continue
		}
		for range max(op.weight, 1) {
			weighted = append(weighted, op)
		}
	}
	return rapid.Custom(func(t *rapid.T) program {
		var p program
		tenants := 3 + uniform(t, maxTenants-2)
		t.Repeat(map[string]func(*rapid.T){"step": func(t *rapid.T) {
			p = append(p, step{
				tenant:  uniform(t, tenants),
				op:      weighted[uniform(t, len(weighted))],
				numbers: [3]int{uniform(t, 8), uniform(t, 8), uniform(t, 8)},
				foreign: max(0, uniform(t, 16)-13),
				fault:   drawFault(t, faults),
			})
		}})
		return p
	})
}

// uniform draws a number less than n. Those of rapid's own generators are
// mostly near the ends of their range, and so would be the operations.
func uniform(t *rapid.T, n int) int {
	number := 0
	for range bits.Len(uint(n)) + 3 {
		number *= 2
		if rapid.Bool().Draw(t, "bit") {
			number++
		}
	}
	return number % n
}
