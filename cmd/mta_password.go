package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/maildoctor/maildoctor/mta/daemon"
)

func (a *app) mtaPasswordCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "password",
		Short: "Hash the password of a user for maildoctor.yaml",
		Long: `Password reads a password and prints its hash by argon2id, as password-hash of
a user in maildoctor.yaml, or a password file, holds it. On a terminal it asks
twice and shows nothing of what is typed; else it reads one line from standard
input. It takes no password as an argument, where others could see it.

Exit codes:
  0    the hash is printed
  2    wrong usage: no password, or not one that a mail program can send
  130  interrupted`,
		Example: `  maildoctor mta password
  maildoctor mta password < ann.password > ann.hash`,
		ValidArgsFunction: cobra.NoFileCompletions,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 { // without any of it
				return usage(errors.New("a password does not stand on the command line, where others see it and the shell keeps it; it is asked for, or read from standard input"))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return a.mtaPassword(cmd.Context()) },
	}
}

func (a *app) mtaPassword(ctx context.Context) error {
	password, err := a.newPassword(ctx)
	if err != nil {
		return err
	}
	hash, err := daemon.HashPassword(password)
	if err != nil {
		return usage(err)
	}
	_, err = fmt.Fprintln(a.out, hash)
	return err
}

// newPassword asks for a password, or reads it from standard input.
func (a *app) newPassword(ctx context.Context) (string, error) {
	fd, tty := terminalIn(a.in)
	if !tty {
		password, err := passwordLine(a.in)
		return password, usage(err)
	}
	password, err := a.hidden(ctx, fd, "Password: ")
	if err != nil || password == "" {
		return password, err
	}
	again, err := a.hidden(ctx, fd, "Again: ")
	if err == nil && again != password {
		err = usage(errors.New("the two differ; nothing was hashed"))
	}
	return password, err
}

// hidden asks for a line that is not shown. What it does to the terminal is undone
// when it is interrupted, too.
func (a *app) hidden(ctx context.Context, fd int, prompt string) (string, error) {
	before, err := term.GetState(fd)
	if err != nil {
		return "", err
	}
	type answer struct {
		line []byte
		err  error
	}
	fmt.Fprint(a.err, prompt)
	defer fmt.Fprintln(a.err)
	answers := make(chan answer, 1)
	go func() {
		line, err := term.ReadPassword(fd)
		answers <- answer{line, err}
	}()
	select {
	case got := <-answers:
		return string(got.line), got.err
	case <-ctx.Done():
		return "", errors.Join(&codeError{exitInterrupted, errors.New("interrupted")}, term.Restore(fd, before))
	}
}

// passwordLine is the only line of r. No error shows any of it.
func passwordLine(r io.Reader) (string, error) {
	const most = 8 << 10 // HashPassword says what is too long
	text, err := io.ReadAll(io.LimitReader(r, most))
	if err != nil {
		return "", err
	}
	line, rest, _ := strings.Cut(string(text), "\n")
	if strings.TrimSpace(rest) != "" {
		return "", errors.New("standard input has more than one line; the password is the only one")
	}
	return strings.TrimSuffix(line, "\r"), nil
}
