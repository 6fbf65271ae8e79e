//go:build !linux

package daemon

// monotonic is for systemd alone.
func monotonic() (int64, bool) { return 0, false }
