package cmd

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/record"
)

// Limits of a list of subjects.
const (
	maxDomains   = 10_000
	maxAddresses = 256
	maxLine      = 4096 // octets
)

// A listing is how subjects of one kind are given: by arguments, and one a line
// on standard input.
type listing[T comparable] struct {
	noun        string // "domain"
	parse       func(string) (T, error)
	most        int
	none, empty error // nothing is given; nothing is on standard input
}

// domains are what args name, each once, in their order; "-" stands for the
// list on in.
func domains(args []string, in io.Reader) ([]string, error) {
	return listing[string]{
		noun: "domain", most: maxDomains,
		parse: func(input string) (string, error) {
			domain, err := record.ParseDomain(input)
			if isAddress(input) {
				return "", fmt.Errorf("%q %w; maildoctor ip %s examines it", input, err, strings.TrimSpace(input))
			}
			if err != nil {
				return "", fmt.Errorf("%q %w", input, err)
			}
			return domain, nil
		},
		none:  errors.New("no domain given; name one, as in maildoctor check example.com, or give - to read a list from standard input"),
		empty: errors.New("no domain on standard input; write one a line"),
	}.read(args, in)
}

// read is what args name, each once, in their order; "-" stands for the list on in.
func (l listing[T]) read(args []string, in io.Reader) ([]T, error) {
	var list []T
	seen := make(map[T]bool)
	add := func(input, where string) error {
		one, err := l.parse(input)
		if err != nil {
			return usage(fmt.Errorf("%s%w", where, err))
		}
		if !seen[one] {
			seen[one] = true
			list = append(list, one)
		}
		if len(list) > l.most {
			return usage(fmt.Errorf("more than %d %s; give fewer at once", l.most, several(l.noun)))
		}
		return nil
	}
	if n := len(slices.DeleteFunc(slices.Clone(args), func(s string) bool { return s != "-" })); n > 1 {
		return nil, usage(errors.New("- is given twice; standard input can be read once"))
	}
	for _, arg := range args {
		var err error
		if arg == "-" {
			err = l.lines(in, add)
		} else {
			err = add(arg, "")
		}
		if err != nil {
			return nil, err
		}
	}
	switch {
	case len(list) > 0:
		return list, nil
	case len(args) > 0:
		return nil, usage(l.empty)
	}
	return nil, usage(l.none)
}

// lines reads one subject a line. What follows a # is a comment.
func (l listing[T]) lines(in io.Reader, add func(input, where string) error) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 0, maxLine), maxLine)
	n := 0
	for lines.Scan() {
		n++
		text, _, _ := strings.Cut(strings.TrimPrefix(lines.Text(), "\ufeff"), "#")
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		if err := add(text, fmt.Sprintf("line %d: ", n)); err != nil {
			return err
		}
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return usage(fmt.Errorf("line %d is longer than %d octets; give one %s a line", n+1, maxLine, l.noun))
	case err != nil:
		return fmt.Errorf("read standard input: %w", err)
	}
	return nil
}

// several is "domains", "addresses".
func several(noun string) string {
	if strings.HasSuffix(noun, "s") {
		return noun + "es"
	}
	return noun + "s"
}
