package rfc2136

import (
	"errors"
	"fmt"
	"strings"

	"github.com/miekg/dns"

	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// toRecord is a record as everybody here has it; rr stays as it is.
func toRecord(rr dns.RR) record.Record {
	r := resolve.FromRR(dns.Copy(rr))
	switch r.Type {
	case "TLSA", "SMIMEA", "SSHFP", "DS", "CDS", "ZONEMD": // hexadecimal digits
		r.Data = strings.ToLower(r.Data)
	}
	return r
}

// records is each of rrs as a record, once.
func records(rrs []dns.RR) []record.Record {
	list := make([]record.Record, 0, len(rrs))
	seen := make(map[record.Record]bool, len(rrs))
	for _, rr := range rrs {
		if r := toRecord(rr); !seen[r] {
			seen[r] = true
			list = append(list, r)
		}
	}
	return list
}

// canonicalName is a name from the wire as records have it.
func canonicalName(name string) string {
	return record.Canonical(strings.ReplaceAll(name, `\ `, `\032`))
}

// toRR is a record for the wire. Its data, which may come from a plan file, must
// be just those of one record.
func toRR(r record.Record) (dns.RR, error) {
	fault := func(err error) error {
		return fmt.Errorf("%s %s: %w", record.Display(r.Name), r.Type, err)
	}
	if _, ok := dns.IsDomainName(r.Name); !ok {
		return nil, fmt.Errorf("%q is no domain name", r.Name)
	}
	for _, c := range []byte(r.Name + r.Type) {
		if c <= ' ' || c > '~' || strings.IndexByte(`;()"$`, c) >= 0 && !strings.Contains(r.Name, `\`) {
			return nil, fmt.Errorf("%q %q is no name and type of a record", r.Name, r.Type)
		}
	}
	rr, err := dns.NewRR(r.String())
	switch {
	case err != nil:
		return nil, fault(errors.New("its data are not those of this type"))
	case rr == nil:
		return nil, fault(errors.New("it has no data"))
	}
	rr.Header().Ttl = r.TTL
	if same := toRecord(rr); same.Name != r.Name || same.Type != r.Type || !equal(same, r) {
		return nil, fault(errors.New("its data are not written as they should be"))
	}
	return rr, nil
}

// equal reports whether two records of a set say the same, as a plan compares them.
func equal(a, b record.Record) bool {
	switch a.Type {
	case "TLSA", "SMIMEA", "SSHFP", "DS":
		return strings.EqualFold(a.Data, b.Data)
	}
	return a.Data == b.Data
}
