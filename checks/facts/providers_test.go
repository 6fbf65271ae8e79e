package facts

import (
	"testing"

	"github.com/maildoctor/maildoctor/record"
)

// TestProviders holds the table to its own words: what customers include is one
// of the provider's names, every name is one that the DNS can hold, and no name
// belongs to two providers.
func TestProviders(t *testing.T) {
	owner := make(map[string]string)
	for _, p := range Providers() {
		if p.Include != "" && !anyWithin(p.Include, p.SPF) {
			t.Errorf("%s: %s is not among %v", p.Name, p.Include, p.SPF)
		}
		if len(p.MX)+len(p.SPF) == 0 {
			t.Errorf("%s cannot be recognised", p.Name)
		}
		for kind, names := range map[string][]string{"MX ": p.MX, "SPF ": p.SPF} {
			for _, name := range names {
				if _, err := record.ParseDomain(name); err != nil {
					t.Errorf("%s: %v", p.Name, err)
				}
				for other, whose := range owner {
					theirs, ok := other, len(other) > len(kind) && other[:len(kind)] == kind
					if ok && (record.Within(name, theirs[len(kind):]) || record.Within(theirs[len(kind):], name)) && whose != p.Name {
						t.Errorf("%s%s is %s's and %s's", kind, name, p.Name, whose)
					}
				}
				owner[kind+name] = p.Name
			}
		}
	}
}

func TestRecognisedProviders(t *testing.T) {
	for host, want := range map[string]string{
		"alt4.aspmx.l.google.com.":                 "Google Workspace",
		"example-org.mail.protection.outlook.com.": "Microsoft 365",
		"example-org.x-v1.mx.microsoft":            "Microsoft 365",
		"inbound-smtp.eu-west-1.amazonaws.com.":    "Amazon SES",
		"mxa-00123.gslb.pphosted.com.":             "Proofpoint",
		"notgoogle.com.":                           "",
		"aspmx.l.google.com.example.org.":          "",
		"feedback-smtp.eu-west-1.amazonses.com.":   "Amazon SES",
		"outlook-com.olc.protection.outlook.com.":  "",
		"route1.mx.cloudflare.net.":                "Cloudflare Email Routing",
	} {
		if p, _ := HostedBy(host); p.Name != want {
			t.Errorf("MX %s is %q's, want %q", host, p.Name, want)
		}
	}
	for domain, want := range map[string]string{
		"_spf.google.com.":            "Google Workspace",
		"_netblocks.google.com.":      "",
		"eu._netblocks.mimecast.com.": "Mimecast",
		"spf.example.org.":            "",
	} {
		if p, _ := SendsBy(domain); p.Name != want {
			t.Errorf("SPF %s is %q's, want %q", domain, p.Name, want)
		}
	}
}
