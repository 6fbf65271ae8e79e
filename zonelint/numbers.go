package zonelint

import (
	"strconv"
	"strings"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/autoconfig"
	"github.com/maildoctor/maildoctor/mailauth/caa"
	"github.com/maildoctor/maildoctor/mailauth/dane"
	"github.com/maildoctor/maildoctor/record"
)

var tlsa = rule{
	Rule: diagnosis.Rule{
		ID:       "zone.tlsa",
		Title:    "TLSA records are well-formed, and of a kind that mail uses",
		Severity: diagnosis.Warning,
		Why:      "Senders pass over a TLSA record that is malformed: the host is as good as without DANE, and nobody notices until the other record is gone too.",
		Doc: `A TLSA record has a usage (0 to 3), a selector (0 or 1), a matching type (0 to 2) and data: 32 octets for SHA-256 (1), 64 for SHA-512 (2), the certificate or the key itself for 0. Its name is _PORT._tcp.HOST. For port 25 only the usages 2 and 3 count. Servers load a digest of any length.

To fix it, make the record anew from the certificate of the host: 3 1 1 is the usual kind.

Whether the zone is signed, without which senders do not look at the record, is not in a file that the server signs by itself; maildoctor check looks.`,
		Refs: []diagnosis.Ref{{Name: "RFC 6698, 2.1"}, {Name: "RFC 6698, 3"}, {Name: "RFC 7672, 3.1"}},
	},
	judge: func(z *zone) diagnosis.Verdict {
		list := z.typed("TLSA")
		j := z.judge(len(list), "TLSA record")
		for _, e := range list {
			again := steps("Make the record anew from the certificate of the host.")
			r, problems := dane.Parse(e.Data)
			for _, p := range problems {
				j.add(diagnosis.Warning, one(e), again, "the TLSA record %s: %s", show(e.Name), p.Message)
			}
			labels := record.Labels(e.Name)
			switch {
			case !isService(labels):
				j.add(diagnosis.Warning, one(e), steps("Name it _25._tcp. and the host."), "the TLSA record %s is not named _PORT._tcp and a host, so nobody asks for it", show(e.Name))
			case labels[0] == "_25" && r.Usage < dane.TA && len(problems) == 0:
				j.add(diagnosis.Warning, one(e), again, "the TLSA record %s has the usage %d, which mail does not use; 2 and 3 count", show(e.Name), r.Usage)
			}
		}
		return j.end()
	},
}

// isService reports whether labels begin with a port, or a wildcard for it, and
// a protocol (RFC 6698, 3).
func isService(labels []string) bool {
	if len(labels) < 3 {
		return len(labels) > 0 && labels[0] == "*"
	}
	port, ok := strings.CutPrefix(labels[0], "_")
	_, err := strconv.ParseUint(port, 10, 16)
	return labels[0] == "*" || ok && err == nil && isProtocol(labels[1])
}

func isProtocol(label string) bool { return label == "_tcp" || label == "_udp" || label == "_sctp" }

var caaSyntax = rule{
	Rule: diagnosis.Rule{
		ID:       "zone.caa",
		Title:    "CAA records can be read, and say what they mean",
		Severity: diagnosis.Warning,
		Why:      "A CAA record with a fault in its value bars every authority: the certificate of the mail host is not renewed, and mail over TLS stops when it ends.",
		Doc: `A CAA record has flags (0, or 128 where an authority that does not know the tag must not issue), a tag (issue, issuewild, issuemail, iodef) and a value: the domain by which an authority goes, with parameters behind semicolons.

To fix it, write it as 0 issue "ca.example", with the domain that the authority gives.`,
		Refs: []diagnosis.Ref{{Name: "RFC 8659, 4.1"}, {Name: "RFC 8659, 4.2"}},
	},
	judge: func(z *zone) diagnosis.Verdict {
		list := z.typed("CAA")
		j := z.judge(len(list), "CAA record")
		for _, e := range list {
			_, problems := caa.Parse(e.Data)
			for _, p := range problems {
				j.add(voidOr(p.Effect == caa.Harmless), one(e), steps("Mend the part that is named."), "the CAA record of %s: %s", show(e.Name), p.Message)
			}
		}
		return j.end()
	},
}

var srv = rule{
	Rule: diagnosis.Rule{
		ID:       "zone.srv",
		Title:    "SRV records have a name and a port that clients use",
		Severity: diagnosis.Warning,
		Why:      "Mail programs ask for _imaps._tcp and the like, and connect to the port that they are told: a record with another name, or with port 0, is no help to them.",
		Doc: `The name of an SRV record begins with the service and the protocol, each with an underscore: _imaps._tcp.example.org. Its data are priority, weight, port and target, in this order, each number from 0 to 65535. A service that is not offered has the target ".".

To fix it, mend the name, or the order of the numbers: a port where the weight belongs is the usual cause of port 0.`,
		Refs: []diagnosis.Ref{{Name: "RFC 2782"}, {Name: "RFC 6186, 3.4"}},
	},
	judge: func(z *zone) diagnosis.Verdict {
		list := z.typed("SRV")
		j := z.judge(len(list), "SRV record")
		for _, e := range list {
			labels := record.Labels(e.Name)
			if labels[0] != "*" && (len(labels) < 2 || !strings.HasPrefix(labels[0], "_") || !strings.HasPrefix(labels[1], "_")) {
				j.add(diagnosis.Warning, one(e), steps("Begin its name with _SERVICE._tcp."), "the SRV record %s is not named _SERVICE._PROTOCOL and a domain, so nobody asks for it", show(e.Name))
			}
			if data, ok := autoconfig.ParseSRV(e.Record); ok && data.Port == 0 && !data.Absent() {
				j.add(diagnosis.Warning, one(e), steps("Write priority, weight, port and target, in this order."), "the SRV record %s has port 0: %s", show(e.Name), quote(e.Data))
			}
		}
		return j.end()
	},
}
