package facts

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// A Hostmaster is the mailbox of whoever is responsible for the zone, as the SOA
// record names it (RFC 1035, 3.3.13).
type Hostmaster struct {
	SOA SOA

	Local  string // its local part; any octets
	Domain string // canonical
	// Fault is why the name stands for no mailbox at all: "has no domain". Nothing
	// was asked then.
	Fault string
	Meant string // the name that was meant, where that can be told

	MX        resolve.Answer
	MXErr     error
	HostAddrs // of the domain, used where it has no MX
}

// Address is the mailbox as people write it.
func (h Hostmaster) Address() string { return h.Local + "@" + record.Display(h.Domain) }

// TakesMail reports whether the domain of the mailbox takes mail: by its MX or,
// without any, by its address (RFC 5321, 5.1). The error says that it cannot be
// told.
func (h Hostmaster) TakesMail() (bool, error) {
	switch {
	case h.MXErr != nil:
		return false, h.MXErr
	case len(h.MX.Records) > 0:
		return slices.ContainsFunc(h.MX.Records, func(r record.Record) bool { return !isNull(r) }), nil
	case len(h.Addrs) > 0:
		return true, nil
	case !h.Known():
		return false, h.Errs[0]
	}
	return false, nil
}

// ZoneHostmaster is the fact of the mailbox in the SOA record. Its error is that
// of ZoneSOA.
var ZoneHostmaster = checks.NewFact("the mailbox in the SOA record", func(ctx context.Context, env *checks.Env) (Hostmaster, error) {
	var h Hostmaster
	soa, err := ZoneSOA.Of(ctx, env)
	h.SOA = soa
	if err != nil || soa.Apex == "" {
		return h, err
	}
	h.Local, h.Domain, h.Fault = mailboxOf(soa.RName)
	h.Meant = meantMailbox(h.Local, h.Domain, soa.Apex)
	if h.Fault != "" {
		return h, nil
	}
	var wg sync.WaitGroup
	wg.Go(func() { h.MX, h.MXErr = env.DNS.Resolve(ctx, resolve.Ask(h.Domain, "MX")) })
	wg.Go(func() { h.HostAddrs = Addresses(ctx, env, h.Domain) })
	wg.Wait()
	return h, nil
})

// mailboxOf decodes a mailbox written as a name: the first label is the local
// part, and a dot in that is escaped (RFC 1035, 8).
func mailboxOf(name string) (local, domain, fault string) {
	labels := record.Labels(name)
	if len(labels) == 0 {
		return "", "", "names nobody"
	}
	local, domain = unescaped(labels[0]), record.Parent(name)
	switch last := labels[len(labels)-1]; {
	case strings.Contains(local, "@"):
		fault = `has an "@", which a SOA record writes as a dot`
	case domain == ".":
		fault = "has no domain"
	case slices.Contains(homely, last):
		fault = "is in ." + last + ", of which the internet knows nothing"
	}
	return local, domain, fault
}

// meantMailbox is the name that was meant where an "@" stands in it, or the zone
// twice for want of a final dot; empty where neither does.
func meantMailbox(local, domain, apex string) string {
	switch user, host, at := strings.Cut(local, "@"); {
	case at && user != "" && !strings.Contains(host, "@"):
		if domain != "." {
			host += "." + domain
		}
		return escaped(user) + "." + record.Canonical(host)
	case domain != apex && record.Within(domain, apex) && strings.HasSuffix(domain, "."+apex+apex):
		return escaped(local) + "." + strings.TrimSuffix(domain, apex)
	case domain == apex+apex:
		return escaped(local) + "." + apex
	}
	return ""
}

// unescaped is the octets of a label (RFC 1035, 5.1).
func unescaped(label string) string {
	var b strings.Builder
	for i := 0; i < len(label); i++ {
		if label[i] != '\\' || i+1 == len(label) {
			b.WriteByte(label[i])
			continue
		}
		if digits := label[i+1:]; len(digits) >= 3 && strings.Trim(digits[:3], "0123456789") == "" {
			n := int(digits[0]-'0')*100 + int(digits[1]-'0')*10 + int(digits[2]-'0')
			if n < 256 {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		i++
		b.WriteByte(label[i])
	}
	return b.String()
}

// escaped is a local part as the first label of a name.
func escaped(local string) string {
	return strings.NewReplacer(`\`, `\\`, ".", `\.`).Replace(local)
}
