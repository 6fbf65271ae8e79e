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

// Limits of a list of domains.
const (
	maxDomains = 10_000
	maxLine    = 4096 // octets
)

var (
	errNoDomain  = errors.New("no domain given; name one, as in maildoctor check example.com, or give - to read a list from standard input")
	errEmptyList = errors.New("no domain on standard input; write one a line")
)

// domains are what args name, each once, in their order; "-" stands for the
// list on in.
func domains(args []string, in io.Reader) ([]string, error) {
	var list []string
	seen := make(map[string]bool)
	add := func(input, where string) error {
		domain, err := record.ParseDomain(input)
		if err != nil {
			return usage(fmt.Errorf("%s%q %w", where, input, err))
		}
		if !seen[domain] {
			seen[domain] = true
			list = append(list, domain)
		}
		if len(list) > maxDomains {
			return usage(fmt.Errorf("more than %d domains; give fewer at once", maxDomains))
		}
		return nil
	}
	if n := len(slices.DeleteFunc(slices.Clone(args), func(s string) bool { return s != "-" })); n > 1 {
		return nil, usage(errors.New("- is given twice; standard input can be read once"))
	}
	for _, arg := range args {
		if arg != "-" {
			if err := add(arg, ""); err != nil {
				return nil, err
			}
			continue
		}
		if err := readList(in, add); err != nil {
			return nil, err
		}
	}
	switch {
	case len(list) > 0:
	case len(args) > 0:
		return nil, usage(errEmptyList)
	default:
		return nil, usage(errNoDomain)
	}
	return list, nil
}

// readList reads one domain a line. What follows a # is a comment.
func readList(in io.Reader, add func(input, where string) error) error {
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
		return usage(fmt.Errorf("line %d is longer than %d octets; give one domain a line", n+1, maxLine))
	case err != nil:
		return fmt.Errorf("read standard input: %w", err)
	}
	return nil
}
