package facts

import (
	"context"
	"sync"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/mailauth/dmarc"
	"github.com/maildoctor/maildoctor/mailauth/mtasts"
	"github.com/maildoctor/maildoctor/mailauth/spf"
	"github.com/maildoctor/maildoctor/mailauth/tlsrpt"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// A Wildcard is what is answered for names below the domain that nobody has.
type Wildcard struct {
	Name    string         // the name that was asked for, canonical
	TXT, MX resolve.Answer // at Name
	HostAddrs
	Err error // why TXT or MX is not known

	Guests  []WildcardGuest // names of mail that the wildcard answers for in place of a record
	Clients []WildcardGuest // likewise names that mail programs look for
}

// A WildcardGuest is a name that means something to mail and whose answer is the
// wildcard's.
type WildcardGuest struct {
	Name   string // canonical
	Kind   string // "DMARC": of the records that belong there; empty for hosts
	Answer resolve.Answer
	// Text is the record of that kind that the wildcard gives; empty if it gives
	// something else, which nobody heeds.
	Text string
}

// There reports whether there is a wildcard.
func (w Wildcard) There() bool {
	return w.Err == nil && (w.Exists || w.TXT.Exists || w.MX.Exists || w.Alias() != "")
}

// Alias is where an alias leads all those names; empty where there is none.
func (w Wildcard) Alias() string {
	for _, a := range []resolve.Answer{w.TXT, w.MX} {
		if len(a.Chain) > 0 && a.Chain[0].Name == w.Name {
			return a.Chain[0].Data
		}
	}
	return ""
}

// SPF is the SPF record that all those names have; empty where there is none, or
// more than one.
func (w Wildcard) SPF() string {
	if texts := spf.Records(w.TXT.Texts()); len(texts) == 1 {
		return texts[0]
	}
	return ""
}

// TakesMail reports whether MX records lead mail for all those names somewhere.
func (w Wildcard) TakesMail() bool {
	return len(w.MX.Records) > 0 && !isNull(w.MX.Records[0])
}

// nobodys is a label that nobody has. It is the same in every examination, so
// that a recorded one can be played again.
const nobodys = "maildoctor-nobody-has-this"

// guests is the names of mail at which a wildcard may answer, and how the records
// there are known.
var guests = []struct {
	label, kind string
	is          func(text string) bool
}{
	{"_dmarc", "DMARC", dmarc.IsRecord},
	{"_mta-sts", "MTA-STS", mtasts.IsRecord},
	{"_smtp._tls", "TLS-RPT", tlsrpt.IsRecord},
}

// clients is the names at which mail programs look for their settings.
var clients = []string{"autodiscover", "autoconfig"}

// ZoneWildcard is the fact of what a wildcard below the domain answers. It has no
// error but that of the run.
var ZoneWildcard = checks.NewFact("the wildcard", func(ctx context.Context, env *checks.Env) (Wildcard, error) {
	w := Wildcard{}
	var ok bool
	if w.Name, ok = record.Below(nobodys, env.Domain); !ok {
		return w, nil
	}
	var wg sync.WaitGroup
	var txtErr, mxErr error
	wg.Go(func() { w.TXT, txtErr = env.DNS.Resolve(ctx, resolve.Ask(w.Name, "TXT")) })
	wg.Go(func() { w.MX, mxErr = env.DNS.Resolve(ctx, resolve.Ask(w.Name, "MX")) })
	wg.Go(func() { w.HostAddrs = Addresses(ctx, env, w.Name) })
	records := make([]WildcardGuest, len(guests))
	for i, g := range guests {
		wg.Go(func() { records[i] = guest(ctx, env, g.label, "TXT") })
	}
	hosts := make([]WildcardGuest, len(clients))
	for i, label := range clients {
		wg.Go(func() { hosts[i] = guest(ctx, env, label, "A") })
	}
	wg.Wait()
	if w.Err = txtErr; w.Err == nil {
		w.Err = mxErr
	}
	for i, g := range records {
		if !sameSource(g.Answer, w.TXT) {
			continue
		}
		g.Kind = guests[i].kind
		for _, text := range g.Answer.Texts() {
			if guests[i].is(text) {
				g.Text = text
			}
		}
		w.Guests = append(w.Guests, g)
	}
	for _, g := range hosts {
		for _, a := range w.Answers { // A and AAAA at Name
			if a.Question.Type == "A" && sameSource(g.Answer, a) {
				w.Clients = append(w.Clients, g)
			}
		}
	}
	return w, ctx.Err()
})

func guest(ctx context.Context, env *checks.Env, label, typ string) WildcardGuest {
	var g WildcardGuest
	var ok bool
	if g.Name, ok = record.Below(label, env.Domain); ok {
		g.Answer, _ = env.DNS.Resolve(ctx, resolve.Ask(g.Name, typ)) // what is not known is nobody's guest
	}
	return g
}

// sameSource reports whether an answer is the wildcard's, which random, the one
// at a name that nobody has, is: the same alias, or the same records.
func sameSource(a, random resolve.Answer) bool {
	return len(a.Records)+len(a.Chain) > 0 && fromWildcard(a, random)
}
