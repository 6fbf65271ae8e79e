package message

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
)

// Links: links show where they lead.
var Links = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "message.links",
		Title:    "Links lead to names, and not through public shorteners",
		Severity: diagnosis.Advice,
		Why:      "A link to a bare address, or through a shortener that anybody may use, hides where it leads. Spam and phishing do that, so filters count it; a shortener that was abused is on URL blocklists, with all links that use it.",
		Doc: `The links of the HTML are read: those to an IP address, those through a public shortener such as bit.ly or tinyurl.com, and those that are no URL at all, as a template leaves them whose variable was empty. Shorteners under a domain of your own are no fault, nor is the domain of the service that sends your mail.

To fix it, link to your own domain, by name and with https.`,
		Refs: []diagnosis.Ref{{Name: "SpamAssassin, URI rules", URL: "https://cwiki.apache.org/confluence/display/SPAMASSASSIN/Rules"}},
	},
	Of:  checks.Messages,
	Run: of(links),
})

// shorteners are hosts that shorten links for anybody.
var shorteners = []string{
	"bit.ly", "tinyurl.com", "goo.gl", "ow.ly", "is.gd", "v.gd", "buff.ly", "cutt.ly", "rebrand.ly", "t.ly", "shorturl.at", "rb.gy", "tiny.cc", "bl.ink", "s.id", "soo.gd", "adf.ly", "bit.do", "t2m.io",
}

func links(v *diagnosis.Verdict, m *facts.Mail) {
	if m.HTML.Part < 0 || len(m.HTML.Links) == 0 {
		saw(v, "links", "none in HTML")
		return
	}
	told := make(map[string]bool)
	for _, link := range m.HTML.Links {
		subject, text, step := fishy(link)
		if text == "" || told[subject] || len(told) >= 10 {
			continue
		}
		told[subject] = true
		find(v, diagnosis.Advice, subject, text, []diagnosis.Evidence{{Question: "link", Answer: fmt.Sprintf("%.300q", link)}}, step)
	}
	if len(v.Findings) == 0 {
		saw(v, "links", "%d, none to an address or through a public shortener", len(m.HTML.Links))
	}
}

// fishy says what is wrong with a link.
func fishy(link string) (subject, text, step string) {
	if link == "" || strings.HasPrefix(link, "#") {
		return "", "", ""
	}
	u, err := url.Parse(strings.Join(strings.Fields(link), ""))
	if err != nil {
		return "link", fmt.Sprintf("the link %.100q is no URL", link), "Mend the template that makes the link."
	}
	switch strings.ToLower(u.Scheme) {
	case "http", "https":
	case "":
		return "link", fmt.Sprintf("the link %.100q has no scheme and leads nowhere in a mail", link), "Write the whole URL, with https://."
	default:
		return "", "", "" // mailto, tel, cid and the like
	}
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	if _, err := netip.ParseAddr(host); err == nil {
		return host, fmt.Sprintf("a link leads to the address %s", host), "Give the host a name, and link to that."
	}
	if host == "" {
		return "link", fmt.Sprintf("the link %.100q has no host", link), "Mend the template that makes the link."
	}
	if slices.Contains(shorteners, strings.TrimPrefix(host, "www.")) {
		return host, fmt.Sprintf("a link leads through the public shortener %s", host), "Link to your own domain."
	}
	return "", "", ""
}
