package message

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	mail "github.com/maildoctor/maildoctor/message"
)

// Unsubscribe: readers get away with one click.
var Unsubscribe = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "message.unsubscribe",
		Title:    "Bulk mail offers to unsubscribe with one click, and the offer is signed",
		Severity: diagnosis.Warning,
		Why:      "Readers who find no way out press the spam button, and that counts against all of your mail. Gmail and Yahoo demand one click of whoever sends them more than 5,000 messages a day; Gmail shows the button only if the fields are signed.",
		Doc: `A message is taken for bulk if it says so: List-Unsubscribe, List-Id, Precedence: bulk or list. Mail to one person, such as an invoice, has none of these and needs no way out.

List-Unsubscribe holds URIs in angle brackets (RFC 2369, 3.2). For one click one of them must be https, a second field must say List-Unsubscribe-Post: List-Unsubscribe=One-Click, and a DKIM signature must cover both (RFC 8058, 3.1, 4): only that shows that the offer is the sender's. The URL must end the subscription on a POST without a login or a question; it is not called here. To a list to which its readers write (List-Post) one click is not demanded.

To fix it, have the service that sends switch it on; most do by themselves when you send by your own domain. By hand: List-Unsubscribe: <https://example.org/unsubscribe?token>, <mailto:leave@example.org>, and the second field; then add both names to the fields that the signer signs.`,
		Refs: []diagnosis.Ref{{Name: "RFC 8058, 3.1"}, {Name: "RFC 8058, 4"}, {Name: "RFC 2369, 3.2"}, {Name: "Google: Email sender guidelines", URL: "https://support.google.com/a/answer/81126"}},
	},
	Of:  checks.Messages,
	Run: of(unsubscribe),
})

func unsubscribe(v *diagnosis.Verdict, m *facts.Mail) {
	if m.Bulk == "" {
		saw(v, "List-Unsubscribe", "the message does not say that it is bulk mail, and needs none")
		return
	}
	field, ok := m.First("List-Unsubscribe")
	if !ok {
		text := fmt.Sprintf("the message is bulk mail (%.60s), and there is no List-Unsubscribe", m.Bulk)
		find(v, diagnosis.Warning, "List-Unsubscribe", text, nil,
			"Add List-Unsubscribe: <https://example.org/unsubscribe?token> and List-Unsubscribe-Post: List-Unsubscribe=One-Click.")
		return
	}
	ways := ways(field)
	if len(ways) == 0 {
		find(v, diagnosis.Warning, field.Name, "List-Unsubscribe holds no URI in angle brackets that can be used", shown(field), "Write it as <https://example.org/unsubscribe?token>.")
		return
	}
	if !m.Discussion {
		oneClick(v, m, field, ways)
	}
	if len(v.Findings) == 0 {
		saw(v, field.Name, "%s", strings.Join(ways, " and "))
	}
}

// ways is the schemes of the URIs in a List-Unsubscribe field that can be used.
func ways(field mail.Field) []string {
	var list []string
	for part := range strings.SplitSeq(field.Unfolded(), "<") {
		text, _, ok := strings.Cut(part, ">")
		if !ok {
			continue
		}
		// White space in the URI is to be taken out (RFC 2369, 2).
		u, err := url.Parse(strings.Join(strings.Fields(text), ""))
		if err != nil {
			continue
		}
		scheme := strings.ToLower(u.Scheme)
		if (scheme == "mailto" && u.Opaque != "" || u.Host != "" && (scheme == "https" || scheme == "http")) && !slices.Contains(list, scheme) {
			list = append(list, scheme)
		}
	}
	return list
}

// oneClick judges RFC 8058.
func oneClick(v *diagnosis.Verdict, m *facts.Mail, field mail.Field, ways []string) {
	post, ok := m.First("List-Unsubscribe-Post")
	const want = "List-Unsubscribe=One-Click"
	switch {
	case !ok:
		find(v, diagnosis.Warning, "List-Unsubscribe-Post", "unsubscribing takes more than one click: there is no List-Unsubscribe-Post", shown(field), "Add List-Unsubscribe-Post: "+want+", beside an https URI that takes a POST.")
		return
	case !strings.EqualFold(strings.Join(strings.Fields(post.Unfolded()), ""), want):
		find(v, diagnosis.Warning, post.Name, fmt.Sprintf("List-Unsubscribe-Post says %.60q, not %s", post.Unfolded(), want), shown(post), "Write List-Unsubscribe-Post: "+want+".")
		return
	case !slices.Contains(ways, "https"):
		find(v, diagnosis.Warning, field.Name, "List-Unsubscribe-Post promises one click, but List-Unsubscribe has no https URI to send it to", shown(field, post), "Add an https URI that takes a POST to List-Unsubscribe.")
		return
	}
	covered := func(s facts.MailSignature) bool {
		_, void := s.Void()
		return !void && s.Names("List-Unsubscribe") && s.Names("List-Unsubscribe-Post")
	}
	switch { // RFC 8058, 4
	case len(m.Signatures) == 0 && !m.Carried():
		saw(v, field.Name, "not signed yet, as the message was not sent yet")
	case !slices.ContainsFunc(m.Signatures, covered):
		find(v, diagnosis.Warning, field.Name, "no DKIM signature covers both List-Unsubscribe and List-Unsubscribe-Post, so that mail readers do not offer the one click", shown(field, post),
			"Add both names to the fields that the signer signs (h=).")
	}
}
