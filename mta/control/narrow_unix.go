//go:build unix

package control

import "syscall"

// narrow gives a socket the mode 0600 before it has a name; what does not know of
// that gets it later.
func narrow(fd uintptr) { _ = syscall.Fchmod(int(fd), 0o600) }
