package deliver

import (
	"sync"

	"github.com/maildoctor/maildoctor/mailauth/dane"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// maxTLSA bounds the TLSA records of one host that are looked at.
const maxTLSA = 32

// dane decides whether DANE holds for a host (RFC 7672, 2.2): only where the host's
// addresses and the TLSA records are secure. With MX records that are insecure it
// holds too, as 2.2.1 allows: most domains are not signed, and the hosts of many of
// them are. The policy's Source is DANE if it holds. What cannot be told, or does
// not validate, keeps mail from the host: who sits in between could have made it so.
func (a *attempt) dane(r routing, h Host) (Policy, *verdict) {
	var none Policy
	if a.Security == nil || r.secure == 0 {
		return none, nil
	}
	secure, err := a.addressesSecure(h)
	if err != nil {
		return none, a.passOver(Policy{Source: DANE}, h, resultDNSSEC, ours(Temporary, 451, "4.7.5", "DNSSEC of the addresses of "+record.Display(h.Name)+": "+err.Error()))
	}
	if !secure { // RFC 7672, 2.2.2: then TLSA is not even asked for
		return none, nil
	}
	bases := []string{h.Name}
	if h.alias != "" { // RFC 7672, 2.2.3
		bases = []string{h.alias, h.Name}
	}
	for _, base := range bases {
		answer, security, err := a.ask(resolve.Ask(dane.Name(base), "TLSA"))
		switch {
		case err != nil:
			return none, a.passOver(Policy{Source: DANE}, h, resultDNSSEC, ours(Temporary, 451, "4.7.5", "the TLSA records of "+record.Display(base)+" cannot be found out: "+err.Error()))
		case security == resolve.Secure && len(answer.Records) > 0:
			return a.danePolicy(h, base, answer), nil
		}
	}
	return none, nil
}

// addressesSecure reports whether the answers that tell a host's addresses are.
func (a *attempt) addressesSecure(h Host) (bool, error) {
	types := []string{"A", "AAAA"}
	securities, errs := make([]resolve.Security, len(types)), make([]error, len(types))
	var wg sync.WaitGroup
	for i, typ := range types {
		wg.Go(func() { _, securities[i], errs[i] = a.ask(resolve.Ask(h.Name, typ)) })
	}
	wg.Wait()
	for i := range types {
		if errs[i] != nil {
			return false, errs[i]
		}
		if securities[i] != resolve.Secure {
			return false, nil
		}
	}
	return true, nil
}

func (a *attempt) danePolicy(h Host, base string, answer resolve.Answer) Policy {
	p := Policy{Source: DANE, Least: Encrypted, name: base, names: []string{base, h.Name, a.report.Destination}}
	for _, r := range answer.Records[:min(len(answer.Records), maxTLSA)] {
		if parsed, problems := dane.Parse(r.Data); len(problems) == 0 && parsed.Usable() {
			p.records = append(p.records, parsed)
		}
	}
	if len(p.records) == 0 { // RFC 7672, 2.2: encryption is mandatory, authentication impossible
		p.Why = "the TLSA records of " + record.Display(base) + " are secure, and none of them is usable"
		return p
	}
	p.Least, p.Why = Verified, "the TLSA records of "+record.Display(base)+" are secure"
	return p
}
