package deliver

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/maildoctor/maildoctor/mailauth/mtasts"
	"github.com/maildoctor/maildoctor/probe"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

const (
	maxPolicy  = 64 << 10        // octets of a policy (RFC 8461, 3.3)
	stsRetry   = 5 * time.Minute // before a fetch that failed is tried again (RFC 8461, 3.3)
	stsTimeout = time.Minute     // of a fetch (RFC 8461, 3.3)
)

// sts is the policy of the destination, asked for once in an attempt, and a
// sentence about it; nil where there is none to follow, with a sentence where it
// matters why.
func (a *attempt) sts() (*mtasts.Policy, string) {
	a.stsOnce.Do(func() { a.stsPolicy, a.stsWhy = a.findSTS() })
	return a.stsPolicy, a.stsWhy
}

// findSTS goes by RFC 8461, 5.1: what is in the cache counts until it expires,
// unless the record tells of another one that can be fetched.
func (a *attempt) findSTS() (*mtasts.Policy, string) {
	domain := a.report.Destination
	if a.HTTP == nil {
		return nil, ""
	}
	var kept STSEntry
	if a.Memory != nil {
		kept = a.Memory.STS(domain)
	}
	fresh := kept.Policy.Mode != "" && a.now().Before(kept.Expires)
	id, announced := a.stsRecord(domain)
	switch {
	case announced && fresh && id == kept.ID, !announced && fresh: // no record, or a broken one, does not end a policy
	case !announced:
		return nil, ""
	case a.now().Before(kept.Failed.Add(stsRetry)) && !a.now().Before(kept.Failed):
		if !fresh {
			return nil, "the MTA-STS policy could not be fetched some minutes ago"
		}
	default:
		fetched, result, why := a.fetchSTS(domain, id)
		if result == "" {
			kept, fresh = fetched, true
		} else {
			kept.Failed = a.now()
			a.stsResult, a.stsFailed = result, why
		}
		if a.Memory != nil {
			a.Memory.SetSTS(domain, kept)
		}
		if !fresh {
			return nil, "the MTA-STS policy cannot be fetched: " + why
		}
	}
	return described(domain, kept.Policy)
}

func described(domain string, p mtasts.Policy) (*mtasts.Policy, string) {
	name := record.Display(domain)
	switch p.Mode {
	case mtasts.Enforce:
		return &p, "the MTA-STS policy of " + name + " is enforced"
	case mtasts.Testing:
		return &p, "the MTA-STS policy of " + name + " is in test"
	}
	return nil, ""
}

// stsRecord asks for the record that announces a policy; more than one is none
// (RFC 8461, 3.1).
func (a *attempt) stsRecord(domain string) (id string, announced bool) {
	name, ok := record.Below("_mta-sts", domain)
	if !ok {
		return "", false
	}
	answer, err := a.DNS.Resolve(a.ctx, resolve.Ask(name, "TXT"))
	if err != nil {
		return "", false
	}
	texts := slices.DeleteFunc(answer.Texts(), func(text string) bool { return !mtasts.IsRecord(text) })
	if len(texts) != 1 {
		return "", false
	}
	parsed, _ := mtasts.Parse(texts[0])
	return parsed.ID, parsed.ID != ""
}

// fetchSTS gets the policy. It counts only if it came complete, with status 200,
// from a host with a valid certificate (RFC 8461, 3.3). Else it returns the type of
// what is wrong for a report (RFC 8460, 4.3.2.2), and words for it.
func (a *attempt) fetchSTS(domain, id string) (entry STSEntry, result, why string) {
	ctx, cancel := context.WithTimeout(a.ctx, stsTimeout)
	defer cancel()
	refuse := a.Refuse
	if refuse == nil {
		refuse = Special
	}
	f := a.HTTP.Fetch(ctx, probe.Request{URL: mtasts.URL(record.Display(domain)), Accept: "text/plain", MaxBody: maxPolicy, Lookup: a.addrsOf, Refuse: refuse})
	switch {
	case f.TLS != nil && (!f.TLS.Trusted() || f.TLS.NameFault != ""):
		return entry, resultSTSWeb, "the certificate of the policy host is not valid"
	case f.Err != nil:
		return entry, resultSTSFetch, f.Err.Error()
	case f.TLS == nil || f.Status != http.StatusOK:
		return entry, resultSTSFetch, fmt.Sprintf("the policy host answers with status %d", f.Status)
	case f.Truncated || f.Encoding() != "":
		return entry, resultSTSFetch, "the policy did not come whole and as it is"
	}
	p, problems := mtasts.ParsePolicy(string(f.Body))
	if mtasts.Worst(problems) >= mtasts.Void || p.Mode == "" {
		return entry, resultSTSPolicy, "the policy is not valid"
	}
	now := a.now()
	return STSEntry{ID: id, Policy: p, Fetched: now, Expires: now.Add(time.Duration(p.MaxAge) * time.Second)}, "", ""
}

func (a *attempt) addrsOf(ctx context.Context, host string) ([]netip.Addr, error) {
	var addrs []netip.Addr
	var errs []error
	for _, typ := range []string{"A", "AAAA"} {
		answer, err := a.DNS.Resolve(ctx, resolve.Ask(host, typ))
		if err != nil {
			errs = append(errs, err)
		}
		addrs = append(addrs, answer.Addrs()...)
	}
	if len(addrs) == 0 && len(errs) > 0 {
		return nil, errs[0]
	}
	return addrs, nil
}
