package facts

import (
	"crypto/tls"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/mtasts"
	"github.com/maildoctor/maildoctor/probe"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// MapOf is how the domain's mail goes, as far as the checks that ran have seen. It
// asks nothing: what no check wanted to know, or could be told, is not on it. It is
// empty in an examination of addresses or of a message.
func MapOf(env *checks.Env) diagnosis.Map {
	if env.Subject() != checks.Domains {
		return diagnosis.Map{}
	}
	return diagnosis.Map{SPF: spfTree(env), Receiving: receiving(env), Sending: sending(env)}
}

// saw is a sight of something that is there.
func saw(what, format string, args ...any) diagnosis.Sight {
	return sight(diagnosis.Passed, what, fmt.Sprintf(format, args...))
}

func sight(o diagnosis.Outcome, what, text string) diagnosis.Sight {
	return diagnosis.Sight{What: what, Seen: brief(text), Outcome: o, Checks: judges[what]}
}

// judges names the checks whose findings concern a sight: IDs, or whole topics.
var judges = map[string][]string{
	"MX": {"mx"}, "address": {"mx"}, "DNSSEC": {"dnssec"}, "MTA-STS": {"mtasts"}, "DANE": {"dane"},
	"port 25": {"smtp.port25-inbound", "smtp.banner"},
	"TLS":     {"smtp.starttls", "smtp.certificate", "smtp.tls-version", "smtp.tls-parameters"},
	"PTR":     {"ptr"}, "EHLO": {"helo"}, "SPF": {"spf.authorises-ip"}, "DKIM": {"dkim"}, "DMARC": {"dmarc"},
}

// brief is text of the network as long as a picture has room for.
func brief(text string) string {
	const most = 300
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

// Judges is the checks that sights name.
func Judges() []string {
	return slices.Sorted(slices.Values(slices.Concat(slices.Collect(maps.Values(judges))...)))
}

// receiving is the way to the domain's mail hosts.
func receiving(env *checks.Env) *diagnosis.Route {
	set, ok := MX.Known(env)
	if !ok {
		return nil
	}
	route := &diagnosis.Route{Seen: []diagnosis.Sight{mxSight(env, set)}, Omitted: set.Omitted}
	if set.ReceivesNothing() || len(set.Hosts) == 0 {
		return route
	}
	if s, ok := DNSSEC.Known(env); ok && s.Off == "" {
		route.Seen = append(route.Seen, signedSight(s.Names[0]))
	}
	policy, fetched := MTASTSPolicy.Known(env)
	if fetched {
		route.Seen = append(route.Seen, stsSight(policy))
	}
	tlsa, proven := DANE.Known(env)
	for _, h := range set.Hosts {
		host := diagnosis.Host{Name: record.Display(h.Name), MX: !set.Implicit, Preference: h.Preference}
		if fetched && policy.Valid() && policy.Policy.Mode != mtasts.None {
			host.Seen = append(host.Seen, coveredSight(policy.Policy, h.Name))
		}
		if one, ok := tlsa.Host(h.Name); ok && proven && tlsa.Off == "" {
			host.Seen = append(host.Seen, daneSight(one))
		}
		host.Seen = append(host.Seen, addressSights(h)...)
		for _, addr := range h.Addrs {
			host.Addresses = append(host.Addresses, diagnosis.Address{Address: addr.String(), Seen: sessionSights(env, h.Name, addr)})
		}
		route.Hosts = append(route.Hosts, host)
	}
	return route
}

func mxSight(env *checks.Env, set MXSet) diagnosis.Sight {
	switch {
	case set.ReceivesNothing():
		return saw("MX", "null MX: the domain takes no mail")
	case set.Implicit:
		return saw("MX", "none; mail goes to the address of %s itself", record.Display(env.Domain))
	case len(set.Hosts) == 0:
		return sight(diagnosis.Failed, "MX", "none, and no address")
	}
	return saw("MX", "%s", plural(len(set.Hosts)+set.Omitted, "host"))
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func signedSight(s Signing) diagnosis.Sight {
	switch {
	case s.Err != nil:
		return sight(diagnosis.Unknown, "DNSSEC", s.Err.Error())
	case s.Proof.Security == resolve.Secure:
		return saw("DNSSEC", "the MX records are signed")
	case s.Proof.Security == resolve.Bogus:
		return sight(diagnosis.Failed, "DNSSEC", "bogus: "+s.Proof.Why)
	}
	return sight(diagnosis.Skipped, "DNSSEC", "not signed")
}

func stsSight(p STSPolicy) diagnosis.Sight {
	switch {
	case p.Off != "":
		return sight(diagnosis.Skipped, "MTA-STS", p.Off)
	case !p.Served() && p.Fetch.Err != nil:
		return sight(diagnosis.Failed, "MTA-STS", "announced, not served: "+p.Fetch.Err.Error())
	case !p.Served():
		return sight(diagnosis.Failed, "MTA-STS", "announced, not served as senders want it")
	case !p.Valid():
		return sight(diagnosis.Failed, "MTA-STS", "the policy is not valid")
	}
	return saw("MTA-STS", "policy with mode %s", p.Policy.Mode)
}

func coveredSight(p mtasts.Policy, host string) diagnosis.Sight {
	if p.Matches(host) {
		return saw("MTA-STS", "the policy names it")
	}
	return sight(diagnosis.Failed, "MTA-STS", "the policy does not name it")
}

func daneSight(h DANEHost) diagnosis.Sight {
	switch n := len(h.Records); {
	case h.Err != nil:
		return sight(diagnosis.Unknown, "DANE", h.Err.Error())
	case n == 0:
		return sight(diagnosis.Skipped, "DANE", "no TLSA record")
	case h.Addrs.Err != nil || h.TLSA.Err != nil:
		return sight(diagnosis.Unknown, "DANE", plural(n, "TLSA record")+"; whether signed could not be told")
	case !h.Secure():
		return sight(diagnosis.Skipped, "DANE", plural(n, "TLSA record")+", not signed: senders pass over them")
	default:
		return saw("DANE", "%s, signed", plural(n, "TLSA record"))
	}
}

// addressSights is what keeps a host from having addresses.
func addressSights(h Host) []diagnosis.Sight {
	switch {
	case len(h.Addrs) > 0:
		return nil
	case h.Literal:
		return []diagnosis.Sight{sight(diagnosis.Failed, "address", "the name is an address, which no sender looks up")}
	case !h.Known():
		return []diagnosis.Sight{sight(diagnosis.Unknown, "address", h.Errs[0].Error())}
	case !h.Exists:
		return []diagnosis.Sight{sight(diagnosis.Failed, "address", "the name does not exist")}
	}
	return []diagnosis.Sight{sight(diagnosis.Failed, "address", "none")}
}

// sessionSights is what the conversation with one address of a host showed.
func sessionSights(env *checks.Env, host string, addr netip.Addr) []diagnosis.Sight {
	sessions, ok := Sessions.Known(env)
	if !ok {
		return nil
	}
	if sessions.Off != "" {
		return []diagnosis.Sight{sight(diagnosis.Skipped, "port 25", sessions.Off)}
	}
	i := slices.IndexFunc(sessions.List, func(s HostSession) bool { return s.Host.Name == host && s.Target.Addr == addr })
	if i < 0 {
		why := OffLimits(env, addr)
		if why != "" {
			why = ": " + why
		}
		return []diagnosis.Sight{sight(diagnosis.Skipped, "port 25", "not tried"+why)}
	}
	s := sessions.List[i]
	if !s.Greeted() {
		return []diagnosis.Sight{unreached(s)}
	}
	open := saw("port 25", "open")
	if word, told := s.EHLOName(); told {
		open.Seen = brief("open, greets as " + word)
	}
	return append([]diagnosis.Sight{open}, tlsSight(s))
}

func unreached(s HostSession) diagnosis.Sight {
	switch {
	case s.Err == nil:
		return sight(diagnosis.Unknown, "port 25", "no greeting")
	case s.Err.Kind == probe.Refused || s.Err.Kind == probe.Permanent:
		return sight(diagnosis.Failed, "port 25", s.Err.Error())
	}
	return sight(diagnosis.Unknown, "port 25", s.Err.Error())
}

func tlsSight(s HostSession) diagnosis.Sight {
	switch {
	case s.TLS != nil && s.TLS.Trusted() && s.TLS.NameFault == "":
		return saw("TLS", "%s, certificate valid", strings.TrimPrefix(tls.VersionName(s.TLS.Version), "TLS "))
	case s.TLS != nil:
		return sight(diagnosis.Failed, "TLS", strings.TrimPrefix(tls.VersionName(s.TLS.Version), "TLS ")+", the certificate does not vouch for the name")
	case s.Done(probe.StageEHLO) && !s.OffersTLS():
		return sight(diagnosis.Failed, "TLS", "STARTTLS is not offered")
	case s.Err != nil:
		return sight(diagnosis.Unknown, "TLS", s.Err.Error())
	}
	return sight(diagnosis.Unknown, "TLS", "the conversation ended before")
}
