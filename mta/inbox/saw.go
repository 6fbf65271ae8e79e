package inbox

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/judge"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// A Sight is one thing that only the receiving side sees, and what to think of it.
type Sight struct {
	Name     string             // "EHLO"
	Said     string             // what was seen, in words; what the client said is quoted
	Outcome  diagnosis.Outcome  // Skipped for what is only told
	Severity diagnosis.Severity // where Failed
	// Finding is what is wrong, by the rule of that ID. Where it is nil and the outcome
	// is a failure, another rule has the finding.
	Rule    string
	Finding *diagnosis.Finding
}

// Names are what the DNS knows of the names in a dialogue.
type Names struct {
	HELO, From Name
}

// A Name is what the DNS knows of a domain.
type Name struct {
	Name    string       // canonical; empty where nothing was asked
	Exists  bool         // not NXDOMAIN
	Addrs   []netip.Addr // of it
	MX      []string     // of the domain of the sender: canonical; "." alone is the null MX
	Unknown error        // why it could not be told
}

// Look asks the DNS for the names of a dialogue, all at once; ctx bounds it.
func Look(ctx context.Context, r resolve.Resolver, m Mail) Names {
	var n Names
	var wg sync.WaitGroup
	if m.Session != nil {
		if name, err := record.ParseDomain(m.Session.HELO); err == nil && strings.Count(name, ".") > 1 {
			wg.Go(func() { n.HELO = lookup(ctx, r, name, false) })
		}
	}
	if at := strings.LastIndexByte(m.From, '@'); at >= 0 {
		if name, err := record.ParseDomain(m.From[at+1:]); err == nil {
			wg.Go(func() { n.From = lookup(ctx, r, name, true) })
		}
	}
	wg.Wait()
	return n
}

func lookup(ctx context.Context, r resolve.Resolver, name string, mail bool) Name {
	n := Name{Name: name}
	types := []string{"A", "AAAA"}
	if mail {
		types = append(types, "MX")
	}
	answers, errs := make([]resolve.Answer, len(types)), make([]error, len(types))
	var wg sync.WaitGroup
	for i, typ := range types {
		wg.Go(func() { answers[i], errs[i] = r.Resolve(ctx, resolve.Ask(name, typ)) })
	}
	wg.Wait()
	for i, a := range answers {
		if errs[i] != nil {
			n.Unknown = errs[i]
			continue
		}
		n.Exists = n.Exists || a.Exists
		n.Addrs = append(n.Addrs, a.Addrs()...)
		for _, rec := range a.Records {
			if _, host, ok := strings.Cut(rec.Data, " "); ok && rec.Type == "MX" {
				n.MX = append(n.MX, record.Canonical(host))
			}
		}
	}
	return n
}

// Saw is what the receiving side saw of a message, in the order of a dialogue. The
// reverse DNS is that of a judgement, which has findings of its own about it.
func Saw(m Mail, reverse judge.IPRev, names Names) []Sight {
	s := m.Session
	if s == nil {
		return []Sight{{Name: "client", Outcome: diagnosis.Skipped, Said: "none: a user of this host wrote it, so no other host brought it, and none could be judged"}}
	}
	list := []Sight{
		client(m, reverse),
		early(m).by(ruleGreeting), greeting(m, names.HELO, reverse).by(ruleName), encryption(m).by(ruleTLS), sender(m, names.From).by(ruleSender),
	}
	for _, s := range dialogue(m) {
		list = append(list, s.by(ruleDialogue))
	}
	return append(list, given(m), octets(m).by(ruleLines), took(m))
}

func (s Sight) by(rule diagnosis.Rule) Sight {
	s.Rule = rule.ID
	return s
}

func passed(name, format string, args ...any) Sight {
	return Sight{Name: name, Said: fmt.Sprintf(format, args...)}
}

func told(name, format string, args ...any) Sight {
	return Sight{Name: name, Said: fmt.Sprintf(format, args...), Outcome: diagnosis.Skipped}
}

// faulty is a sight with a finding.
func faulty(s diagnosis.Severity, name, said, finding string, steps ...string) Sight {
	return Sight{Name: name, Said: said, Outcome: diagnosis.Failed, Severity: s, Finding: &diagnosis.Finding{
		Subject: name, Severity: s, Message: finding, Remedy: diagnosis.Remedy{Steps: steps},
	}}
}

func client(m Mail, r judge.IPRev) Sight {
	addr := m.Envelope().Client
	if !addr.IsGlobalUnicast() || addr.IsPrivate() {
		return told("client", "%s, which is no address of the internet: other receivers would see another one", addr)
	}
	switch r.Code {
	case "pass":
		return passed("client", "%s, called %s, which leads back to it", addr, record.Display(r.Name))
	case "":
		return told("client", "%s", addr)
	}
	outcome := diagnosis.Failed
	if r.Code == "temperror" {
		outcome = diagnosis.Unknown
	}
	return Sight{Name: "client", Said: fmt.Sprintf("%s: %s", addr, r.Cause), Outcome: outcome, Severity: diagnosis.Warning} // auth.reverse-dns
}

// took is how long it lasted.
func took(m Mail) Sight {
	whole, text := m.At.Sub(m.Session.Started), m.At.Sub(m.Given.Begun)
	if m.Given.Begun.IsZero() || whole < 0 || text < 0 {
		return told("time", "not known")
	}
	what := "from the connection to the end of the message"
	if m.Message > 1 {
		what += fmt.Sprintf(", which was number %d of the session", m.Message)
	}
	return told("time", "%s %s, %s of it for the message", seconds(whole), what, seconds(text))
}

func seconds(d time.Duration) string {
	if d < 10*time.Second {
		return fmt.Sprintf("%.2f s", d.Seconds())
	}
	return fmt.Sprintf("%d s", int(d.Seconds()))
}

// leadsTo reports whether a name has an address.
func (n Name) leadsTo(addr netip.Addr) bool { return slices.Contains(n.Addrs, addr) }
