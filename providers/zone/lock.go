package zone

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// errBusy tells that another process has the lock.
var errBusy = errors.New("another maildoctor is writing this file")

// Another process has the lock for a moment only.
const (
	patience = 10 * time.Second
	pause    = 20 * time.Millisecond
)

// lock takes the lock on a file, and waits for it.
func lock(ctx context.Context, path string) (unlock func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		unlock, err := tryLock(path)
		if !errors.Is(err, errBusy) {
			return unlock, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("%w; nothing is written (%w)", errBusy, ctx.Err())
		case <-time.After(pause):
		}
	}
}
