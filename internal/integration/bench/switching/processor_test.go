package switching_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// operationsMetered is how many operations each goroutine does between two
// readings of the meter.
const operationsMetered = 50

// processorTimes returns the column of the microseconds of processor time that
// an operation takes, in the server and in the client, and the median of the
// rounds' ratios of both together to the baseline's.
func (c *contest) processorTimes(b *testing.B, rounds int) column {
	b.Helper()
	m, err := newMeter(b.Context(), append([]string{c.owner}, c.urls...)...)
	if err != nil {
		b.Logf("no processor times: %v", err)
		return column{}
	}
	client, server, ratios := make([][]float64, len(c.variants)), make([][]float64, len(c.variants)), make([][]float64, len(c.variants))
	for range rounds {
		if err := m.find(b.Context()); err != nil {
			b.Fatal(err)
		}
		for _, i := range rand.Perm(len(c.variants)) {
			used, err := c.metered(b.Context(), m, &c.variants[i])
			if err != nil {
				b.Fatal(err)
			}
			client[i], server[i] = append(client[i], used[0]), append(server[i], used[1])
		}
		last := len(client[0]) - 1
		for i := range c.variants {
			ratios[i] = append(ratios[i], (client[i][last]+server[i][last])/(client[0][last]+server[0][last]))
		}
	}
	col := column{title: c.operation.name}
	for i := range c.variants {
		col.cells = append(col.cells, fmt.Sprintf("%.0f + %.0f (%.2f)", quantile(server[i], .5), quantile(client[i], .5), quantile(ratios[i], .5)))
	}
	return col
}

// metered returns the microseconds of an operation in the client and in the
// server, once they have done as many unmetered.
func (c *contest) metered(ctx context.Context, m *meter, v *variant) (used [2]float64, _ error) {
	work := func(worker int) error {
		for range operationsMetered {
			if err := c.do(ctx, v, c.request(v, worker)); err != nil {
				return err
			}
		}
		return nil
	}
	if err := c.together(work); err != nil {
		return used, err
	}
	client, server, err := m.read()
	if err != nil {
		return used, err
	}
	if err := c.together(work); err != nil {
		return used, err
	}
	clientAfter, serverAfter, err := m.read()
	done := float64(operationsMetered*c.connections) * float64(time.Microsecond)
	return [2]float64{float64(clientAfter-client) / done, float64(serverAfter-server) / done}, err
}
