package switching_test

import (
	"context"
	"errors"
	"net"
	"os"
	"syscall"
	"time"
	"unsafe"
)

// relay forwards connections to a server and holds back what either side says
// for as long as it would be under way. All is done by one thread of a process
// that does nothing else, because where client, server and relay share a few
// processors, what the relay takes of them is missing to those that are
// measured: per chunk a read and a write, and no goroutine is woken.
//
// What arrives is stamped when it does, so that a chunk does not wait for the
// one before it to be delivered.
type relay struct {
	network, address string // of the server
	delay            time.Duration

	poll, listener int
	ends           map[int32]*end
	underWay       queue
	free           [][]byte
	started        time.Time
}

// end is a connection to one side.
type end struct {
	fd      int
	other   *end
	refused [][]byte // what the socket had no room for
	over    bool     // when refused has been taken, there is no more
	closed  bool
}

// parcel is what was read at once, and when the other side may have it. Without
// a content it is the end of what was said.
type parcel struct {
	to      *end
	content []byte
	due     time.Duration
}

// queue is first in, first out: all are under way for as long.
type queue struct {
	parcels []parcel
	head    int
}

func (q *queue) push(p parcel) {
	if q.head > len(q.parcels)/2 { // there is room
		q.parcels = q.parcels[:copy(q.parcels, q.parcels[q.head:])]
		q.head = 0
	}
	q.parcels = append(q.parcels, p)
}

func (q *queue) first() *parcel {
	if q.head == len(q.parcels) {
		return nil
	}
	return &q.parcels[q.head]
}

const chunkSize = 32 << 10

// serve forwards until standard input ends, which it does with the process that
// holds it. It says where it listens on standard output.
func (r *relay) serve() error {
	// A thread's timers may be late by as much as its slack, 50 µs if nothing is said.
	const setTimerSlack = 29 // PR_SET_TIMERSLACK
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, setTimerSlack, 1, 0); errno != 0 {
		return os.NewSyscallError("prctl", errno)
	}
	if err := r.listen(); err != nil {
		return err
	}
	r.started, r.ends = time.Now(), map[int32]*end{}
	events := make([]syscall.EpollEvent, 64)
	for {
		n, err := r.wait(events)
		if err != nil {
			return err
		}
		for _, event := range events[:n] {
			if int(event.Fd) == syscall.Stdin {
				return nil
			}
			if err := r.handle(event); err != nil {
				return err
			}
		}
		r.deliver()
	}
}

func (r *relay) listen() (err error) {
	if r.poll, err = syscall.EpollCreate1(syscall.EPOLL_CLOEXEC); err != nil {
		return os.NewSyscallError("epoll_create1", err)
	}
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if r.listener, err = descriptor(listener.(*net.TCPListener)); err != nil {
		return err
	}
	if err := errors.Join(r.watch(syscall.EPOLL_CTL_ADD, syscall.Stdin, syscall.EPOLLIN), r.watch(syscall.EPOLL_CTL_ADD, r.listener, syscall.EPOLLIN)); err != nil {
		return err
	}
	_, err = os.Stdout.WriteString(listener.Addr().String() + "\n")
	return err
}

// descriptor returns a copy of a socket's own that never blocks.
func descriptor(socket interface{ File() (*os.File, error) }) (int, error) {
	file, err := socket.File()
	if err != nil {
		return 0, err
	}
	defer file.Close()
	fd, err := syscall.Dup(int(file.Fd()))
	if err != nil {
		return 0, os.NewSyscallError("dup", err)
	}
	return fd, os.NewSyscallError("fcntl", syscall.SetNonblock(fd, true))
}

func (r *relay) watch(operation, fd int, events uint32) error {
	event := syscall.EpollEvent{Events: events, Fd: int32(fd)}
	return os.NewSyscallError("epoll_ctl", syscall.EpollCtl(r.poll, operation, fd, &event))
}

// raw reads or writes without telling the runtime, which would wake another
// thread to see whether this one is back soon. There is no other goroutine.
func raw(call uintptr, fd int, buffer []byte) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall(call, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(buffer))), uintptr(len(buffer)))
	return int(n), errno
}

func (r *relay) now() time.Duration { return time.Since(r.started) }

// wait returns when something arrives, or the first parcel is due.
func (r *relay) wait(events []syscall.EpollEvent) (int, error) {
	var until *syscall.Timespec
	if first := r.underWay.first(); first != nil {
		left := syscall.NsecToTimespec(int64(max(0, first.due-r.now())))
		until = &left
	}
	const epollPwait2 = 441 // of all architectures
	n, _, errno := syscall.RawSyscall6(epollPwait2, uintptr(r.poll), uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), uintptr(unsafe.Pointer(until)), 0, 0)
	if errno == syscall.EINTR {
		return 0, nil
	}
	if errno != 0 {
		return 0, os.NewSyscallError("epoll_pwait2", errno)
	}
	return int(n), nil
}

func (r *relay) handle(event syscall.EpollEvent) error {
	if int(event.Fd) == r.listener {
		return r.accept()
	}
	e := r.ends[event.Fd]
	if e == nil { // closed by an event before this one
		return nil
	}
	if event.Events&syscall.EPOLLOUT != 0 {
		r.retry(e)
	}
	if event.Events&^syscall.EPOLLOUT != 0 && !e.closed {
		r.receive(e)
	}
	return nil
}

// accept connects a client to the server. One that is gone again, or that the
// server does not take, is hung up on.
func (r *relay) accept() error {
	fd, _, err := syscall.Accept4(r.listener, syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC)
	if err != nil {
		return nil
	}
	client := &end{fd: fd}
	if err := syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1); err != nil {
		return os.NewSyscallError("setsockopt", err)
	}
	conn, err := new(net.Dialer).DialContext(context.Background(), r.network, r.address)
	if err != nil {
		return syscall.Close(fd)
	}
	defer conn.Close()
	server := &end{other: client}
	if server.fd, err = descriptor(conn.(interface{ File() (*os.File, error) })); err != nil {
		return err
	}
	client.other = server
	for _, e := range []*end{client, server} {
		r.ends[int32(e.fd)] = e
		if err := r.watch(syscall.EPOLL_CTL_ADD, e.fd, syscall.EPOLLIN); err != nil {
			return err
		}
	}
	return nil
}

func (r *relay) receive(from *end) {
	buffer := r.buffer()
	n, errno := raw(syscall.SYS_READ, from.fd, buffer)
	switch {
	case errno == 0 && n > 0:
		r.underWay.push(parcel{from.other, buffer[:n], r.now() + r.delay})
	case errno == syscall.EAGAIN || errno == syscall.EINTR:
		r.free = append(r.free, buffer)
	default: // it has hung up
		_ = r.watch(syscall.EPOLL_CTL_DEL, from.fd, 0)
		r.underWay.push(parcel{to: from.other, due: r.now() + r.delay})
	}
}

func (r *relay) buffer() []byte {
	if last := len(r.free) - 1; last >= 0 {
		buffer := r.free[last]
		r.free = r.free[:last]
		return buffer[:chunkSize]
	}
	return make([]byte, chunkSize)
}

// deliver hands over what is due.
func (r *relay) deliver() {
	for p := r.underWay.first(); p != nil && p.due <= r.now(); p = r.underWay.first() {
		r.underWay.head++
		p.to.over = p.content == nil
		if p.content != nil {
			p.to.refused = append(p.to.refused, p.content)
		}
		r.send(p.to)
	}
}

// send writes what there is for an end. What its socket has no room for waits.
func (r *relay) send(e *end) {
	for len(e.refused) > 0 && !e.closed {
		content := e.refused[0]
		n, errno := raw(syscall.SYS_WRITE, e.fd, content)
		if errno == syscall.EAGAIN {
			_ = r.watch(syscall.EPOLL_CTL_MOD, e.fd, syscall.EPOLLIN|syscall.EPOLLOUT)
			return
		}
		if errno != 0 {
			r.hangUp(e)
			return
		}
		if e.refused[0] = content[n:]; n == len(content) {
			e.refused = e.refused[:copy(e.refused, e.refused[1:])]
			if cap(content) == chunkSize { // it was not taken in parts
				r.free = append(r.free, content)
			}
		}
	}
	if e.over {
		r.hangUp(e)
	}
}

func (r *relay) retry(e *end) {
	_ = r.watch(syscall.EPOLL_CTL_MOD, e.fd, syscall.EPOLLIN)
	r.send(e)
}

// hangUp closes both ends of a connection.
func (r *relay) hangUp(e *end) {
	for _, e := range []*end{e, e.other} {
		if !e.closed {
			e.closed = true
			delete(r.ends, int32(e.fd))
			_ = syscall.Close(e.fd)
		}
	}
}
