//go:build !linux

package switching_test

import "time"

// alarm is time.Sleep where that is exact.
type alarm struct{}

func newAlarm() (*alarm, error) { return &alarm{}, nil }

func (*alarm) sleep(d time.Duration) { time.Sleep(d) }

func (*alarm) close() {}
