package cmd

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/desired"
	"github.com/maildoctor/maildoctor/record"
)

// questions asks a person at a terminal.
type questions struct {
	in  *bufio.Scanner
	out io.Writer
}

func newQuestions(in io.Reader, out io.Writer) *questions {
	return &questions{bufio.NewScanner(in), out}
}

// fill asks for what the flags do not say.
func (q *questions) fill(f *initFlags) error {
	var err error
	if len(f.domains) == 0 {
		f.domains, err = q.list("Your mail domains, with blanks between them", "", true, func(text string) error {
			_, err := record.ParseDomain(text)
			return err
		})
	}
	if err == nil && f.profile == "" && len(f.relays) == 0 {
		err = q.keeper(f)
	}
	profile, _ := desired.FindProfile(f.profile)
	if err == nil && profile.Receives && f.host == "" {
		var hosts []string
		hosts, err = q.list("The name of the mail host", "mail."+f.domains[0], true, func(text string) error {
			_, err := record.ParseDomain(text)
			return err
		})
		if err == nil {
			f.host = hosts[0]
		}
	}
	if err == nil && profile.Receives && len(f.ips) == 0 {
		f.ips, err = q.list("Its public addresses, IPv4 and IPv6", "", true, func(text string) error {
			_, err := netip.ParseAddr(text)
			return err
		})
	}
	if err == nil && profile.Receives && len(f.relays) == 0 {
		f.relays, err = q.list("Relays that send for you as well, or nothing", "", false, oneOf(desired.ServiceNames()))
	}
	return err
}

// keeper asks who keeps the mail: a suite on a host, or a service.
func (q *questions) keeper(f *initFlags) error {
	var services []string
	for _, s := range desired.Services() {
		if s.Receives {
			services = append(services, s.Name)
		}
	}
	fmt.Fprintf(q.out, "Mail suites on a host of yours: %s\nServices that keep mail: %s\n", strings.Join(desired.ProfileNames(), ", "), strings.Join(services, ", "))
	answer, err := q.list("Which of them keeps the mail", "standard", true, oneOf(slices.Concat(desired.ProfileNames(), services)))
	if err != nil {
		return err
	}
	if slices.Contains(services, answer[0]) {
		f.relays = answer[:1]
	} else {
		f.profile = answer[0]
	}
	return nil
}

func oneOf(names []string) func(string) error {
	return func(text string) error {
		if slices.Contains(names, text) {
			return nil
		}
		return errors.New("is none of " + strings.Join(names, ", "))
	}
}

// list asks until every word of the answer is right. An empty answer is the
// default, or none where that may be.
func (q *questions) list(question, standard string, needed bool, check func(string) error) ([]string, error) {
	if standard != "" {
		question += " [" + standard + "]"
	}
	for {
		fmt.Fprintf(q.out, "%s: ", question)
		if !q.in.Scan() {
			fmt.Fprintln(q.out)
			return nil, usage(errors.New("the questions were not answered, so nothing is written"))
		}
		words := strings.FieldsFunc(q.in.Text(), func(r rune) bool { return r == ' ' || r == '\t' || r == ',' })
		if len(words) == 0 && standard != "" {
			words = []string{standard}
		}
		if len(words) == 0 && !needed {
			return nil, nil
		}
		wrong := len(words) == 0
		for _, w := range words {
			if err := check(w); err != nil {
				fmt.Fprintf(q.out, "%q: %v\n", w, err)
				wrong = true
			}
		}
		if !wrong {
			return words, nil
		}
	}
}
