// Package zonelint judges zone files before they are published: what they say
// that their author did not mean, what servers refuse to load, and what makes
// mail fail. It looks at files alone and asks nobody; checks examine what is
// published.
package zonelint

import "github.com/maildoctor/maildoctor/diagnosis"

// A rule is what a zone file is held to.
type rule struct {
	diagnosis.Rule
	judge func(*zone) diagnosis.Verdict
}

// rules is all of them in the order of reports: what cannot be read, what is
// read otherwise than it was meant, what servers refuse, then mail.
func rules() []rule {
	list := []rule{
		syntax, apex, originDot, finalDot, within,
		textCut, textGlued, stringLength, textSize,
		cnameAlone, oneTTL, duplicate, hostName,
		nullMX, targetLiteral, targetAlias, targetAddress, targetPrivate, proxied,
	}
	list = append(list, singles()...)
	return append(list,
		spfSyntax, spfLookups, spfType, dkimKey, dmarcPolicy, reportConsent,
		stsRecord, stsHost, tlsReports, bimiRecord, tlsa, caaSyntax, srv,
	)
}

// Rules returns the rules, in the order of reports.
func Rules() []diagnosis.Rule {
	var list []diagnosis.Rule
	for _, r := range rules() {
		list = append(list, r.Rule)
	}
	return list
}
