package servers

import "syscall"

// enough is how much room a directory in memory must have: the largest tests make some hundred databases at a time.
const enough = 4 << 30

// scratch returns where private servers have their data: in memory, where a database is made and dropped in half the time, or else where
// temporary files go.
func scratch() string {
	const memory = "/dev/shm"
	var at syscall.Statfs_t
	if err := syscall.Statfs(memory, &at); err != nil || at.Bavail*uint64(at.Bsize) < enough { //nolint:gosec // a size is not negative
		return ""
	}
	return memory
}
