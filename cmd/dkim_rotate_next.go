package cmd

import (
	"fmt"
	"strings"

	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/rotation"
)

// again is the command that goes on, on a line of its own.
func (r *rotating) again(flags ...string) string {
	command := append([]string{"maildoctor dkim rotate", record.Display(r.domain)}, flags...)
	if r.given("provider") {
		command = append(command, "--provider", shellWord(r.provider.spec))
		if r.given("tsig-key") {
			command = append(command, "--tsig-key", shellWord(r.provider.tsigKey))
		}
	}
	if r.given("file") {
		command = append(command, "--file", shellWord(r.file))
	}
	return "\n" + strings.Join(command, " ")
}

// shellWord is text as a shell takes it.
func shellWord(text string) string {
	if !strings.ContainsFunc(text, func(c rune) bool {
		return !strings.ContainsRune("/.:_-+@%=,", c) && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z')
	}) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// next is what has to be done next. What follows a line break is to be copied.
func (r *rotating) next() []string {
	s := r.step.State
	var steps []string
	if r.reload != "" {
		steps = append(steps, strings.ToUpper(r.reload[:1])+r.reload[1:])
	}
	switch r.step.Await {
	case rotation.Carry:
		switch {
		case r.status:
			return append(steps, "The next step is possible:"+r.again())
		case r.byProvider():
			return append(steps, "Have the records written by the provider:"+r.again())
		}
		return append(steps, "Do that with who holds the zone. Nothing else has to change.", "Run it again; it asks every name server itself:"+r.again())
	case rotation.Servers:
		return append(steps, "Wait for the name servers, or until they can be asked, and run it again in a few minutes (or with --wait). One that is out of order for good need not be waited for: --except."+r.again())
	case rotation.Person:
		return append(steps, "Put right what is in the way, and run it again:"+r.again())
	case rotation.Told:
		if !s.Back.IsZero() {
			steps = append(steps, fmt.Sprintf("The signer goes on with %s. To give %s up, from %s:%s", rotation.Selectors(s.Old), rotation.Selectors(s.Next), r.until(s.Back.Add(s.Waits.Retire)), r.again("--abort")),
				"To try again, what follows.")
		}
		signer, _ := rotation.FindSigner(r.signerName())
		steps = append(steps, signer.Steps(s.Domain, fromHere(s.Next))...)
		if signer.Name == rotation.AnySigner {
			steps = append(steps, "--signer NAME says it in the words of: "+strings.Join(rotation.SignerNames()[1:], ", ")+".")
		}
		return append(steps, fmt.Sprintf("Send a mail, see that its DKIM-Signature has s=%s, and say so:%s", s.Next[0].Selector, r.again("--switched")))
	case rotation.Time:
		return append(steps, r.patience()...)
	}
	return append(steps, r.over()...)
}

// patience is what is to be said while time has to pass.
func (r *rotating) patience() []string {
	s, when := r.step.State, r.until(r.step.When)
	old, next := rotation.Selectors(s.Old), rotation.Selectors(s.Next)
	switch s.Phase {
	case rotation.Seen:
		return []string{fmt.Sprintf("Wait: it is safe to sign with %s from %s. Resolvers may remember until then that there was no such record (RFC 2308, 5), and signatures would fail there. The signer goes on with its old key. Then:%s", next, when, r.again())}
	case rotation.Retiring:
		return []string{
			fmt.Sprintf("Nothing until %s: mail that was signed with %s may wait in queues until then. After that:%s", when, old, r.again()),
			fmt.Sprintf("If something goes wrong with %s: let the signer use %s again, which is published still, and say so:%s", next, old, r.again("--back")),
		}
	}
	return []string{fmt.Sprintf("Nothing until %s; then the record of %s goes, too:%s", when, old, r.again())}
}

// over is what is left to do when it is over.
func (r *rotating) over() []string {
	s := r.step.State
	begin := "When the next key is due:" + r.again("--begin")
	if s.Phase == rotation.Aborted {
		steps := []string{"Nothing; the signer goes on with its old key."}
		for _, k := range fromHere(s.Next) {
			if k.File != "" {
				steps = append(steps, fmt.Sprintf("Delete %s: no record belongs to it.", k.File))
			}
		}
		return append(steps, begin)
	}
	if len(s.Old) == 0 {
		return []string{begin}
	}
	return []string{fmt.Sprintf("Take the private key of %s out of the signer, and delete it.", rotation.Selectors(s.Old)), begin}
}

// signerName is what signs: as given, or as the profile of the file says.
func (r *rotating) signerName() string {
	if !r.given("signer") && r.settings != nil {
		if signer, ok := rotation.FindSigner(r.settings.Profile); ok {
			return signer.Name
		}
	}
	return r.signer.value
}

// numbered writes steps. What follows a line break in one is configuration, which
// stays as it is.
func numbered(p *keysPage, steps []string) {
	for i, s := range steps {
		text, config, _ := strings.Cut(s, "\n")
		for j, l := range wrapped(text, 75) {
			if j == 0 {
				p.line("  %d. %s", i+1, l)
			} else {
				p.line("     %s", l)
			}
		}
		if config != "" {
			for l := range strings.SplitSeq(config, "\n") {
				p.line("       %s", l)
			}
		}
	}
}
