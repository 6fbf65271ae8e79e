package resolve

import "time"

// Defaults of Options, those of resolv.conf(5).
const (
	defaultTimeout  = 5 * time.Second
	defaultAttempts = 2
)
