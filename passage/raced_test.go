//go:build race

package passage

// raced tells that the race detector is at work.
const raced = true
