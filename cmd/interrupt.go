package cmd

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// interruptible is ctx that ends with the first SIGINT or SIGTERM. A second one
// then ends the program, as the system does by itself. A signal that whoever
// started the program had ignored stays ignored.
func interruptible(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	signals := make(chan os.Signal, 1)
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		if !signal.Ignored(s) {
			signal.Notify(signals, s)
		}
	}
	go func() {
		select {
		case <-signals:
			signal.Stop(signals)
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		cancel()
	}
}
