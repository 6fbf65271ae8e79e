package local

import (
	"slices"
	"strings"
)

// maxProcesses bounds the processes that are looked at.
const maxProcesses = 10_000

// idle reports whether a signer is configured and does not run, as one that
// another has taken the place of, and notes that. Where processes are not to be
// seen it is taken to run.
func (r *reader) idle(software, command string) bool {
	if r.processes == nil {
		r.processes = r.commands()
	}
	runs := slices.ContainsFunc(r.processes, func(c string) bool { return strings.Contains(c, command) })
	if len(r.processes) == 0 || runs {
		return false
	}
	if !slices.Contains(r.host.Idle, software) {
		r.host.Idle = append(r.host.Idle, software)
	}
	return true
}

// commands is the names of the processes that run (proc_pid_comm(5)); empty
// where not all can be seen: the first process is hidden then (hidepid).
func (r *reader) commands() []string {
	list := []string{}
	if _, err := r.octets("/proc/1/comm"); err != nil {
		return list
	}
	for _, pid := range r.names("/proc", maxProcesses) {
		if strings.Trim(pid, "0123456789") != "" {
			continue
		}
		if name, err := r.octets("/proc/" + pid + "/comm"); err == nil {
			list = append(list, firstLine(string(name)))
		}
	}
	return list
}
