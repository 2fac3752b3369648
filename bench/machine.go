package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// ticks is how many times a second Linux counts a process's CPU time, on every architecture that Go knows.
const ticks = 100

// machine describes where the figures come from.
func machine() string {
	model := "unknown CPU"
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	return fmt.Sprintf("%d cores of %s, %s, %s/%s", runtime.NumCPU(), model, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// busy answers which part of the machine others use, from 0 to 1, watched for half a second in which this run does nothing.
func busy(ctx context.Context) (float64, error) {
	work, all, err := cpuCount()
	if err != nil {
		return 0, err
	}
	select {
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-time.After(500 * time.Millisecond):
	}
	work2, all2, err := cpuCount()
	if err != nil || all2 == all {
		return 0, err
	}
	return float64(work2-work) / float64(all2-all), nil
}

// cpuCount reads how many ticks the whole machine has worked, and how many there were. Time that the host gave to other machines
// counts as work.
func cpuCount() (work, all int64, err error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, 0, err
	}
	line, _, _ := strings.Cut(string(text), "\n")
	fields := strings.Fields(line)
	if len(fields) < 9 || fields[0] != "cpu" {
		return 0, 0, errors.New("/proc/stat does not begin with the whole machine")
	}
	for i, f := range fields[1:9] {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, 0, err
		}
		all += n
		if i != 3 && i != 4 { // idle, waiting for disks
			work += n
		}
	}
	return work, all, nil
}

// cpuOf is the CPU time of a process and its children, those that have ended included; 0 for a process that is gone.
func cpuOf(pid int) time.Duration {
	if pid == 0 {
		return 0
	}
	_, total := stat(pid)
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, f := range files {
		child, err := strconv.Atoi(filepath.Base(filepath.Dir(f)))
		if err != nil {
			continue
		}
		if parent, used := stat(child); parent == pid {
			total += used
		}
	}
	return time.Duration(total) * time.Second / ticks
}

// stat reads a process's parent and the ticks that it and its ended children have used.
func stat(pid int) (parent int, used int64) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, 0
	}
	// The name, in parentheses, may hold anything.
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(fields) < 15 {
		return 0, 0
	}
	parent, _ = strconv.Atoi(fields[1])
	for _, f := range fields[11:15] { // user, system, and both of ended children
		n, _ := strconv.ParseInt(f, 10, 64)
		used += n
	}
	return parent, used
}

// memory is a process's resident memory now and at its highest, in bytes.
func memory(pid int) (now, most int64, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0, err
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) != 3 || fields[2] != "kB" {
			continue
		}
		n, err := strconv.ParseInt(fields[1], 10, 64)
		if err != nil {
			return 0, 0, err
		}
		switch fields[0] {
		case "VmRSS:":
			now = n << 10
		case "VmHWM:":
			most = n << 10
		}
	}
	if now == 0 {
		return 0, 0, fmt.Errorf("process %d tells no memory", pid)
	}
	return now, most, nil
}
