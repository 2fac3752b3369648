package main

import "syscall"

// timeError is what adjtimex answers while nobody sets the clock: TIME_ERROR of <sys/timex.h>.
const timeError = 5

func clockIsSet() (bool, error) {
	state, err := syscall.Adjtimex(&syscall.Timex{})
	return state != timeError, err
}

func freeBytes(path string) (uint64, error) {
	var s syscall.Statfs_t
	err := syscall.Statfs(path, &s)
	return s.Bavail * uint64(s.Bsize), err
}

func openFilesMost() (uint64, error) {
	var l syscall.Rlimit
	err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l)
	return l.Cur, err
}
