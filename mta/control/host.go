package control

import (
	"context"

	"github.com/maildoctor/maildoctor/mta/queue"
)

// A Host is the server that is controlled.
type Host struct {
	Queue    *queue.Queue
	SpoolDir string
	// Status tells how the server is, but for Queue and Spool.Free, which are found out
	// here.
	Status func() Status
	// Reload has the settings read again; after an error nothing has changed. nil: there
	// is nothing to read.
	Reload func(context.Context) (Reloaded, error)
}
