package caa

import (
	"slices"
	"strings"
)

// AsOf is the day of the list of authorities.
const AsOf = "2026-11-22"

// An Authority is a CA that issues certificates for mail and web servers.
type Authority struct {
	Name string // as people know it
	// Identifiers is the names by which CAA records may permit it, in lower case;
	// the first is the one to publish.
	Identifiers []string
	// organizations is how the organization names in the issuers of its
	// certificates begin, in lower case.
	organizations []string
}

// authorities is what CAs say in their certification practice statements, and
// the CCADB's list of CAA identifiers repeats. A brand may stand in the issuer
// while its owner's identifier counts.
func authorities() []Authority {
	return []Authority{
		{"Let's Encrypt", []string{"letsencrypt.org"}, []string{"let's encrypt", "internet security research group"}},
		{"Google Trust Services", []string{"pki.goog"}, []string{"google trust services"}},
		{"ZeroSSL", []string{"sectigo.com", "zerossl.com"}, []string{"zerossl"}},
		{"Sectigo", []string{"sectigo.com", "usertrust.com", "trust-provider.com", "comodo.com", "comodoca.com", "entrust.net", "affirmtrust.com"}, []string{"sectigo", "comodo ca", "the usertrust network", "cpanel", "gandi sas", "network solutions", "corporation service company", "geant vereniging"}},
		{"DigiCert", []string{"digicert.com", "www.digicert.com", "digicert.ne.jp", "cybertrust.ne.jp", "thawte.com", "geotrust.com", "rapidssl.com", "symantec.com", "digitalcertvalidation.com", "quovadisglobal.com", "amazon.com", "amazontrust.com", "awstrust.com", "amazonaws.com"}, []string{"digicert", "geotrust", "thawte", "rapidssl"}},
		{"QuoVadis", []string{"quovadisglobal.com", "digicert.com"}, []string{"quovadis"}},
		{"Amazon Trust Services", []string{"amazon.com", "amazontrust.com", "awstrust.com", "amazonaws.com", "aws.amazon.com"}, []string{"amazon"}},
		{"GlobalSign", []string{"globalsign.com"}, []string{"globalsign"}},
		{"Buypass", []string{"buypass.com", "buypass.no"}, []string{"buypass"}},
		{"SSL.com", []string{"ssl.com", "entrust.net", "affirmtrust.com"}, []string{"ssl corp", "ssl corporation"}},
		{"Actalis", []string{"actalis.it"}, []string{"actalis"}},
		{"Certum", []string{"certum.pl", "certum.eu"}, []string{"asseco data systems", "unizeto", "certum"}},
		{"HARICA", []string{"harica.gr"}, []string{"hellenic academic and research institutions ca"}},
		{"Entrust", []string{"entrust.net", "affirmtrust.com"}, []string{"entrust", "affirmtrust"}},
		{"GoDaddy", []string{"godaddy.com", "starfieldtech.com"}, []string{"godaddy.com", "starfield technologies"}},
		{"IdenTrust", []string{"identrust.com"}, []string{"identrust"}},
		{"Microsoft", []string{"microsoft.com", "digicert.com"}, []string{"microsoft corporation"}},
		{"SwissSign", []string{"swisssign.com"}, []string{"swisssign"}},
		{"Telekom Security", []string{"telesec.de", "pki.dfn.de", "dfn.de"}, []string{"deutsche telekom security", "t-systems"}},
		{"D-Trust", []string{"d-trust.net", "dtrust.de", "d-trust.de"}, []string{"d-trust"}},
		{"Telia", []string{"telia.com"}, []string{"telia"}},
		{"Certigna", []string{"certigna.fr", "certigna.com"}, []string{"certigna", "dhimyotis"}},
		{"certSIGN", []string{"certsign.ro"}, []string{"certsign"}},
		{"NETLOCK", []string{"netlock.hu", "netlock.net", "netlock.eu", "netlock.com"}, []string{"netlock"}},
		{"Microsec", []string{"e-szigno.hu"}, []string{"microsec"}},
		{"ACCV", []string{"accv.es"}, []string{"accv"}},
		{"Camerfirma", []string{"camerfirma.com"}, []string{"ac camerfirma"}},
		{"TrustAsia", []string{"trustasia.com"}, []string{"trustasia"}},
		{"TWCA", []string{"twca.com.tw"}, []string{"taiwan-ca", "twca"}},
		{"SECOM", []string{"secomtrust.net"}, []string{"secom trust"}},
		{"Cybertrust Japan", []string{"cybertrust.ne.jp", "cybertrust.co.jp"}, []string{"cybertrust japan"}},
		{"SHECA", []string{"sheca.com", "imtrust.cn", "wwwtrust.cn"}, []string{"unitrust"}},
		{"VikingCloud", []string{"trustwave.com", "securetrust.com", "vikingcloud.com"}, []string{"trustwave", "viking cloud"}},
		{"Certainly", []string{"certainly.com"}, []string{"certainly"}},
		{"emSign", []string{"emsign.com"}, []string{"emudhra"}},
		{"Apple", []string{"pki.apple.com"}, []string{"apple"}},
	}
}

// AuthorityOf is the authority whose organization name stands in the issuer of a
// certificate; ok is false where it is not on the list.
func AuthorityOf(organization string) (Authority, bool) {
	organization = strings.ToLower(strings.TrimSpace(organization))
	for _, a := range authorities() {
		for _, o := range a.organizations {
			rest, found := strings.CutPrefix(organization, o)
			if found && (rest == "" || !alnum(rest[0])) {
				return a, true
			}
		}
	}
	return Authority{}, false
}

// isIdentifier reports whether CAA records name some authority on the list so.
func isIdentifier(name string) bool {
	return slices.ContainsFunc(authorities(), func(a Authority) bool { return slices.Contains(a.Identifiers, name) })
}

// Repaired is an issue or issuewild property whose malformed value is the
// identifier of a known authority in disguise: as a URL, with a dot at the end,
// in quotation marks. It is r, and ok is false, where that cannot be told.
func (r Record) Repaired() (fixed Record, ok bool) {
	name := strings.ToLower(strings.Trim(r.Value, wsp+`"'`))
	if _, rest, isURL := strings.Cut(name, "://"); isURL {
		name = rest
	}
	if name = strings.Trim(name, "/."); !isIdentifier(name) {
		return r, false
	}
	r.Value = name
	return r, true
}
