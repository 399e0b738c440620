package switching_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// column is what the variants needed for one operation.
type column struct {
	title string
	cells []string
}

// timeCell shows the median ratio and half of what lies between the quartiles,
// and the baseline's own time or rate.
func timeCell(ns float64, ratios []float64, isBaseline bool, connections int) string {
	switch {
	case isBaseline && connections == 1:
		return fmt.Sprintf("%.0f µs", ns/1000)
	case isBaseline:
		return fmt.Sprintf("%.0f/s", 1e9/ns)
	}
	return fmt.Sprintf("%.2f ±%.2f", quantile(ratios, .5), (quantile(ratios, .75)-quantile(ratios, .25))/2)
}

// allocations returns the column of what an operation allocates.
func (c *contest) allocations(tb testing.TB) column {
	tb.Helper()
	col := column{title: c.operation.name}
	for i := range c.variants {
		allocs, bytes := c.memory(tb, &c.variants[i])
		col.cells = append(col.cells, fmt.Sprintf("%.0f (%.0f)", allocs, bytes))
	}
	return col
}

// tripColumns are the round trips, which TestRoundTrips counts.
func tripColumns(variants []variant) []column {
	statement, transaction := column{title: "round trips"}, column{title: "of a transaction"}
	for _, v := range variants {
		statement.cells = append(statement.cells, fmt.Sprint(v.statement))
		transaction.cells = append(transaction.cells, fmt.Sprint(v.transaction))
	}
	return []column{statement, transaction}
}

// markdown writes a table with a row for each variant.
func markdown(title string, variants []variant, columns []column) string {
	var b strings.Builder
	fmt.Fprintf(&b, "| %s |", title)
	for _, c := range columns {
		fmt.Fprintf(&b, " %s |", c.title)
	}
	fmt.Fprintf(&b, "\n|---|%s\n", strings.Repeat("--:|", len(columns)))
	for i, v := range variants {
		name := v.name
		if v.ours {
			name = "**" + name + "**"
		}
		fmt.Fprintf(&b, "| %s |", name)
		for _, c := range columns {
			fmt.Fprintf(&b, " %s |", c.cells[i])
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// metric is a variant's name as a unit of package testing, without spaces.
func metric(name string) string {
	return strings.NewReplacer(" ", "_", ",", "", "'", "").Replace(name) + "/plain"
}

func printf(format string, args ...any) {
	_, _ = fmt.Fprintf(os.Stdout, format, args...)
}
