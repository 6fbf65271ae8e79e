package facts

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/spf"
	"github.com/maildoctor/maildoctor/record"
)

// SPFResults is the fact of what SPF gives to mail of the domain from each of its
// sending addresses. Its error is that of the senders.
var SPFResults = checks.NewFact("the SPF results of the senders", func(ctx context.Context, env *checks.Env) (map[netip.Addr]spf.Result, error) {
	senders, err := Senders.Of(ctx, env)
	if err != nil {
		return nil, err
	}
	results := make([]spf.Result, len(senders))
	var wg sync.WaitGroup
	for i, s := range senders {
		wg.Go(func() { results[i] = spf.Evaluate(ctx, env.DNS, MailFrom(env, s.Addr)) })
	}
	wg.Wait()
	byAddr := make(map[netip.Addr]spf.Result, len(senders))
	for i, s := range senders {
		byAddr[s.Addr] = results[i]
	}
	return byAddr, nil
})

// MailFrom is the evaluation of mail of the domain from one address.
func MailFrom(env *checks.Env, addr netip.Addr) spf.Params {
	return spf.Params{IP: addr, Sender: "postmaster@" + record.Display(env.Domain), HELO: record.Display(env.Want.HELO), Now: env.Now()}
}

// sending is the way from the hosts that send for the domain.
func sending(env *checks.Env) *diagnosis.Route {
	route := &diagnosis.Route{}
	purpose, intended := Intent.Known(env)
	idle := intended && !purpose.Sends
	if idle {
		route.Seen = append(route.Seen, saw("SPF", "the domain sends no mail: %s", purpose.Why))
	}
	if keys, ok := DKIM.Known(env); ok && !(idle && len(keys.Present()) == 0) {
		route.Seen = append(route.Seen, dkimSight(keys))
	}
	if policy, ok := DMARC.Known(env); ok {
		route.Seen = append(route.Seen, dmarcSight(policy))
	}
	senders, _ := Senders.Known(env)
	for _, s := range senders {
		name := ""
		if s.Host != "" {
			name = record.Display(s.Host)
		}
		i := slices.IndexFunc(route.Hosts, func(h diagnosis.Host) bool { return h.Name == name })
		if i < 0 {
			i = len(route.Hosts)
			route.Hosts = append(route.Hosts, diagnosis.Host{Name: name})
		}
		route.Hosts[i].Addresses = append(route.Hosts[i].Addresses, diagnosis.Address{Address: s.Addr.String(), Seen: senderSights(env, s)})
	}
	if len(route.Seen)+len(route.Hosts) == 0 {
		return nil
	}
	return route
}

// senderSights is what receivers see of one sending address.
func senderSights(env *checks.Env, s Sender) []diagnosis.Sight {
	var list []diagnosis.Sight
	if reverses, ok := Reverses.Known(env); ok {
		if r, ok := reverses[s.Addr]; ok {
			list = append(list, ptrSight(r))
		}
	}
	sessions, _ := Sessions.Known(env)
	for _, one := range sessions.List {
		if word, told := one.EHLOName(); told && one.Target.Addr == s.Addr && !s.Declared {
			list = append(list, saw("EHLO", "%s", word))
			break
		}
	}
	if env.Want.HELO != "" && s.Declared {
		list = append(list, saw("EHLO", "%s", record.Display(env.Want.HELO)))
	}
	results, _ := SPFResults.Known(env)
	switch r, ok := results[s.Addr]; {
	case !ok:
	case r.Code == spf.Pass:
		list = append(list, saw("SPF", "pass"))
	case r.Code == spf.TempError:
		list = append(list, sight(diagnosis.Unknown, "SPF", "temperror"))
	default:
		list = append(list, sight(diagnosis.Failed, "SPF", string(r.Code)))
	}
	return list
}

func ptrSight(r Reverse) diagnosis.Sight {
	if r.Err != nil {
		return sight(diagnosis.Unknown, "PTR", r.Err.Error())
	}
	if len(r.Names) == 0 {
		return sight(diagnosis.Failed, "PTR", "none")
	}
	for _, n := range r.Names {
		if n.Confirms(r.Addr) {
			return saw("PTR", "%s, which leads back", record.Display(n.Name))
		}
	}
	first := r.Names[0]
	if !first.Known() {
		return sight(diagnosis.Unknown, "PTR", fmt.Sprintf("%s; whether it leads back could not be told", record.Display(first.Name)))
	}
	return sight(diagnosis.Failed, "PTR", fmt.Sprintf("%s, which does not lead back", record.Display(first.Name)))
}

// dkimSight names the selectors at which keys stand.
func dkimSight(k DKIMKeys) diagnosis.Sight {
	const most = 6
	var names []string
	for _, s := range k.Present() {
		names = append(names, s.Name)
	}
	if len(names) == 0 {
		return sight(diagnosis.Unknown, "DKIM", "no key was found; a selector can have any name")
	}
	text := strings.Join(names[:min(len(names), most)], ", ")
	if n := len(names) - most; n > 0 {
		text += fmt.Sprintf(" and %d more", n)
	}
	if len(names) == 1 {
		return saw("DKIM", "selector %s", text)
	}
	return saw("DKIM", "selectors %s", text)
}

func dmarcSight(p DMARCPolicy) diagnosis.Sight {
	switch {
	case p.Policy == nil && len(p.Undecided) > 0:
		return sight(diagnosis.Unknown, "DMARC", p.Undecided[0].Error())
	case p.Policy == nil || p.Policy.Record == nil:
		return sight(diagnosis.Failed, "DMARC", "no policy")
	}
	text := fmt.Sprintf("p=%s", p.Policy.Record.Policy)
	if p.Policy.Record.Policy == "" {
		text = "a record without p"
	}
	if p.Policy.Domain != p.Domain {
		text += ", from " + record.Display(p.Policy.Domain)
	}
	return saw("DMARC", "%s", text)
}
