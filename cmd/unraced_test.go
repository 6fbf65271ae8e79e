//go:build !race

package cmd

// raced tells that the race detector is at work.
const raced = false
