package disk

import "io"

// Volumes is what an FS has beside its calls if it can sync all of a file system
// at once.
type Volumes interface {
	// Volume opens the file system that a directory is on. It fails with
	// errors.ErrUnsupported where there is no such call.
	Volume(name string) (Volume, error)
}

// A Volume is a file system.
type Volume interface {
	// Sync makes all that was written outlive a power cut, names too. It fails if
	// anything could not be written since the Volume was opened, or since the last Sync.
	Sync() error
	// Holds reports whether a directory is on this file system.
	Holds(name string) (bool, error)
	io.Closer
}
