package postgres

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestLossesOfALongTime are no sign of a pooler: somebody's DISCARD ALL, now and then.
func TestLossesOfALongTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &Connector{}
		for range 10 * enoughLost {
			c.lostStatement()
			time.Sleep(lostWithin/(enoughLost-1) + time.Second)
		}
		time.Sleep(2 * lostWithin)
		for range enoughLost - 1 {
			c.lostStatement()
		}
		if c.unnamed.Load() {
			t.Fatal("the connector does without prepared statements")
		}
		c.lostStatement()
		if !c.unnamed.Load() {
			t.Error("after so many losses at once the connector still prepares")
		}
	})
}
