package cmd

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/maildoctor/maildoctor/report"
)

// agree asks a person a question that is answered with yes or no. Without a yes the
// error says so, with what has not been done. Nobody at a terminal is no yes either.
func (a *app) agree(ctx context.Context, question, undone string) error {
	if _, tty := terminalIn(a.in); !tty {
		return usage(errors.New("nobody is there to agree; give --yes"))
	}
	fmt.Fprintf(a.err, "\n%s [y/N] ", report.Escape(question))
	answer := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(a.in).ReadString('\n') // what was not read is no yes
		answer <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case line := <-answer:
		if line == "y" || line == "yes" {
			return nil
		}
		return &codeError{exitFound, errors.New(undone)}
	case <-ctx.Done():
		return &codeError{exitInterrupted, errors.New("interrupted; " + undone)}
	}
}
