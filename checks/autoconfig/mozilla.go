package autoconfig

import (
	"context"
	"fmt"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/dns"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/autoconfig"
	"github.com/maildoctor/maildoctor/record"
)

// Mozilla: Thunderbird finds settings that work.
var Mozilla = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "autoconfig.mozilla",
		Title:    "The settings that Thunderbird looks for are served, and lead to hosts with TLS",
		Severity: diagnosis.Advice,
		Why:      "Thunderbird, its app for phones, Evolution, KMail and others ask the domain for these settings. With wrong ones they set up accounts that do not work, or that show passwords on the way; without any, people guess.",
		Doc: `Thunderbird looks at https://autoconfig.<domain>/mail/config-v1.1.xml first and at https://<domain>/.well-known/autoconfig/mail/config-v1.1.xml second, with the mail address as a parameter (here postmaster's), then at both by plain HTTP unless that is turned off, and in Mozilla's own database. Here the two are asked in that order, over HTTPS, with up to two redirects to https followed; an alias (CNAME) of autoconfig.<domain> is fine, if the web server it leads to has a certificate for autoconfig.<domain>.

The document has to be well-formed XML with clientConfig on the outside and in its emailProvider a domain, an incomingServer and an outgoingServer, each with hostname, port, socketType (SSL, STARTTLS or plain) and username; %EMAILADDRESS%, %EMAILLOCALPART% and %EMAILDOMAIN% stand for parts of the address. Entities and documents from elsewhere are not read. The hosts named need public addresses. A socketType of plain is a warning: the password crosses the network for everybody to read. So is a port that does not go with its socketType, as STARTTLS at 993.

A web server that answers at autoconfig.<domain> with something else is advice: mail programs look further. One that is there only because a wildcard leads every name to it is not asked. A domain without settings is well, unless it runs its own mail host and announces it by SRV records: then it is advised to serve settings too. Mailu, mailcow, Mail-in-a-Box, mox and Stalwart serve them once autoconfig.<domain> leads to them with a certificate; automx, or one static file, will do elsewhere.`,
		Refs: []diagnosis.Ref{
			{Name: "Mozilla, Autoconfiguration", URL: "https://wiki.mozilla.org/Thunderbird:Autoconfiguration"},
			{Name: "draft-ietf-mailmaint-autoconfig", URL: "https://datatracker.ietf.org/doc/draft-ietf-mailmaint-autoconfig/"},
			{Name: "RFC 8314, 4.1"},
		},
	},
	Needs: []*checks.Check{dns.DomainExists},
	Run:   mozilla,
})

func mozilla(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	var v diagnosis.Verdict
	s, err := facts.MozillaSettings.Of(ctx, env)
	if v.Skip = s.Off; err != nil || v.Skip != "" {
		return v, err
	}
	if s.Found {
		judgeSettings(env, &v, s)
		return v, nil
	}
	for _, l := range s.Tries {
		if f := misserved(env, s, l); f != nil {
			v.Findings = append(v.Findings, *f)
		}
		v.Seen = append(v.Seen, l.Last().Evidence())
	}
	if len(v.Findings) > 0 {
		return v, nil
	}
	// Where no host is there for settings, that the domain's web server does not
	// say whether it has some is no reason to think that it has.
	if len(s.Tries) > 1 {
		if err := barred(s.Tries[0].Last()); err != nil {
			return v, err
		}
	}
	return unserved(ctx, env, v)
}

// misserved is what is wrong with a host that is there for settings and serves
// none. The domain's own web server is there for something else, and no wonder.
func misserved(env *checks.Env, s facts.Settings, l facts.Lookup) *diagnosis.Finding {
	first, _ := facts.SettingsURLs(env.Domain)
	f := l.Last()
	if l.URL != first || barred(f) != nil {
		return nil
	}
	host, wrong := record.Display(s.Host), ""
	location, redirects := f.Redirect()
	switch bad := certificate(f.TLS); {
	case f.Err != nil:
		wrong = failure(f)
	case bad != "":
		wrong = "shows a certificate that is not valid: " + bad
	case redirects:
		wrong = fmt.Sprintf("redirects to %q, and mail programs go no further", clip(location))
	case f.Status != statusOK:
		wrong = fmt.Sprintf("has no such document: %q", clip(f.Reason))
	case f.Truncated:
		wrong = "sends more than a mail program reads"
	case strings.EqualFold(autoconfig.Root(string(f.Body)), "html"):
		wrong = "sends a web page"
	case autoconfig.Root(string(f.Body)) == "":
		wrong = "sends something that is not XML"
	default:
		wrong = fmt.Sprintf("sends XML that is no settings: its root element is %q", clip(autoconfig.Root(string(f.Body))))
	}
	return &diagnosis.Finding{
		Subject: host, Severity: diagnosis.Advice, Evidence: []diagnosis.Evidence{f.Evidence()},
		Message: fmt.Sprintf("%s is there for mail programs, and they find no settings: it %s", host, wrong),
		Remedy: diagnosis.Remedy{Steps: []string{
			fmt.Sprintf("Have the web server for %s answer https://%s/mail/config-v1.1.xml with the settings, under a certificate for that name.", host, host),
			fmt.Sprintf("If the domain does not mean to publish settings, delete the records of %s.", host),
		}},
	}
}

// unserved is the verdict where mail programs find no settings and nothing is
// wrong with that, but that the domain might publish some. Where it tells mail
// programs nothing in any way, SRV says so.
func unserved(ctx context.Context, env *checks.Env, v diagnosis.Verdict) (diagnosis.Verdict, error) {
	domain, host := record.Display(env.Domain), facts.OwnMailHost(ctx, env)
	services, err := facts.SRVServices.Of(ctx, env)
	if err != nil {
		return v, err
	}
	v.Seen = []diagnosis.Evidence{{Question: "autoconfig." + domain, Answer: "no settings published; optional"}}
	if host == "" || !services.Announces() {
		return v, nil
	}
	seen := v.Seen
	v.Findings = []diagnosis.Finding{{
		Subject: domain, Severity: diagnosis.Advice, Evidence: seen,
		Message: domain + " publishes no settings for Thunderbird: people have to know the names of its servers",
		Remedy: diagnosis.Remedy{Steps: []string{
			fmt.Sprintf("If people have mailboxes here, lead autoconfig.%s to a web server with a certificate for that name, and serve the settings there as /mail/config-v1.1.xml.", domain),
			"Mailu, mailcow, Mail-in-a-Box, mox and Stalwart do so by themselves once that name leads to them.",
		}},
	}}
	return v, nil
}

// judgeSettings says what is wrong with the document.
func judgeSettings(env *checks.Env, v *diagnosis.Verdict, s facts.Settings) {
	f := s.Tries[len(s.Tries)-1].Last()
	host, _, _ := strings.Cut(strings.TrimPrefix(f.URL, "https://"), "/")
	add := func(severity diagnosis.Severity, step, format string, args ...any) {
		v.Findings = append(v.Findings, diagnosis.Finding{
			Subject: host, Severity: severity, Evidence: []diagnosis.Evidence{f.Evidence()},
			Message: fmt.Sprintf("the settings at %s ", host) + fmt.Sprintf(format, args...),
			Remedy:  diagnosis.Remedy{Steps: []string{step}},
		})
	}
	for _, p := range s.Problems {
		switch p.Effect {
		case autoconfig.Void:
			add(diagnosis.Warning, "Correct the document; an XML validator shows the place.", "cannot be used (octet %d): %s", p.Offset, p.Message)
		case autoconfig.Dropped:
			add(diagnosis.Warning, "Give the server hostname, port, socketType and username.", "have a fault at octet %d: %s; mail programs leave that out", p.Offset, p.Message)
		}
	}
	if autoconfig.Worst(s.Problems) == autoconfig.Void {
		return
	}
	if own := s.Host == record.Canonical(host) && facts.Owns(env, aliasOf(s)); own && !s.Config.For(record.Display(env.Domain)) {
		add(diagnosis.Advice, "Name the domain, or %EMAILDOMAIN%, in a domain element.", "are for %s and do not name %s: some mail programs refuse them", quoted(s.Config.Domains), record.Display(env.Domain))
	}
	said := make(map[string]bool)
	for _, server := range s.Servers {
		judgeServer(env, v, server, func(severity diagnosis.Severity, step, format string, args ...any) {
			if text := fmt.Sprintf(format, args...); !said[text] {
				said[text] = true
				add(severity, step, "%s", text)
			}
		})
	}
	if len(v.Findings) == 0 {
		v.Seen = []diagnosis.Evidence{{Question: f.URL, Answer: listing(s.Servers)}}
	}
}

// aliasOf is the host to which the name of the settings leads.
func aliasOf(s facts.Settings) string {
	if n := len(s.Chain); n > 0 {
		return s.Chain[n-1].Data
	}
	return s.Host
}

// ports is how a connection at a port is encrypted.
var ports = map[uint16]autoconfig.Socket{
	993: autoconfig.TLS, 995: autoconfig.TLS, 465: autoconfig.TLS, 143: autoconfig.STARTTLS, 110: autoconfig.STARTTLS, 587: autoconfig.STARTTLS,
}

var socketNames = map[autoconfig.Socket]string{autoconfig.Plain: "plain", autoconfig.STARTTLS: "STARTTLS", autoconfig.TLS: "SSL"}

func judgeServer(env *checks.Env, v *diagnosis.Verdict, s facts.ConfiguredServer, add func(severity diagnosis.Severity, step, format string, args ...any)) {
	kind := strings.ToUpper(s.Type)
	if s.Socket == autoconfig.Plain { // RFC 8314, 4.1
		add(diagnosis.Warning, "Offer the service over TLS, and write socketType SSL and the port of that (IMAP 993, POP3 995, SMTP 465).",
			"have mail programs log in to %s at %q without TLS (socketType plain)", kind, clip(s.Host))
	} else if usual, known := ports[s.Port]; known && usual != s.Socket {
		add(diagnosis.Warning, fmt.Sprintf("Write socketType %s, or the port that goes with %s.", socketNames[usual], socketNames[s.Socket]),
			"have %s at %q with socketType %s at port %d, which is that of %s: mail programs cannot connect", kind, clip(s.Host), socketNames[s.Socket], s.Port, socketNames[usual])
	}
	if s.Name == "" {
		add(diagnosis.Warning, "Name the host by its full name.", "name %q as host, which is no host name", clip(s.Host))
		return
	}
	if !s.Known() {
		v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: record.Display(s.Name), Reason: s.Errs[0].Error()})
		return
	}
	if wrong := leads(env, s.HostAddrs); wrong != "" {
		add(diagnosis.Warning, fmt.Sprintf("Name the host that offers the service, or give %s its address.", record.Display(s.Name)),
			"lead mail programs to %s for %s, which %s", record.Display(s.Name), kind, wrong)
	}
}

// listing is the servers, a line each.
func listing(servers []facts.ConfiguredServer) string {
	var lines []string
	for _, s := range servers {
		lines = append(lines, fmt.Sprintf("%s %s:%d %s", strings.ToUpper(s.Type), record.Display(s.Name), s.Port, socketNames[s.Socket]))
	}
	return strings.Join(lines, "\n")
}

// quoted is a few words from the network.
func quoted(words []string) string {
	const most = 3
	var list []string
	for _, w := range words[:min(len(words), most)] {
		list = append(list, fmt.Sprintf("%q", clip(w)))
	}
	if len(words) > most {
		list = append(list, "…")
	}
	return strings.Join(list, ", ")
}
