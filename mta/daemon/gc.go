package daemon

import "runtime/debug"

// CollectLess has a process whose memory is small let garbage grow to twice what is in
// use before it is collected, unless GOGC says what its owner wants.
func CollectLess(env func(string) string) {
	if env("GOGC") == "" {
		debug.SetGCPercent(200)
	}
}
