package switching_test

import (
	"os"
	"syscall"
	"time"
	"unsafe"
)

// alarm sleeps for less than a millisecond, which time.Sleep cannot in an idle
// process on Linux: the runtime waits for events in whole milliseconds. The
// kernel's timers are exact, and to the runtime their expiry is an event.
type alarm struct {
	fd   uintptr
	file *os.File
}

func newAlarm() (*alarm, error) {
	const monotonic = 1 // CLOCK_MONOTONIC
	fd, _, errno := syscall.Syscall(syscall.SYS_TIMERFD_CREATE, monotonic, syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	if errno != 0 {
		return nil, os.NewSyscallError("timerfd_create", errno)
	}
	return &alarm{fd, os.NewFile(fd, "timerfd")}, nil
}

// sleep returns after d, or at once if the timer fails.
func (a *alarm) sleep(d time.Duration) {
	spec := struct{ interval, value syscall.Timespec }{value: syscall.NsecToTimespec(int64(d))}
	if _, _, errno := syscall.Syscall6(syscall.SYS_TIMERFD_SETTIME, a.fd, 0, uintptr(unsafe.Pointer(&spec)), 0, 0, 0); errno != 0 {
		return
	}
	var expired [8]byte
	_, _ = a.file.Read(expired[:])
}

func (a *alarm) close() { _ = a.file.Close() }
