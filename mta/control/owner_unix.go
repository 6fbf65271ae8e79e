//go:build unix

package control

import (
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// ownerOf is the user whose a file is, and whether that is us.
func ownerOf(name string) (owner string, mine bool, err error) {
	info, err := os.Stat(name)
	if err != nil {
		return "", false, err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || int(stat.Uid) == os.Geteuid() {
		return "", true, nil
	}
	id := strconv.Itoa(int(stat.Uid))
	if u, err := user.LookupId(id); err == nil {
		return u.Username, false, nil
	}
	return "user " + id, false, nil
}
