package smtp

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/probe"
)

// Banner: every mail host names itself when it greets.
var Banner = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "smtp.banner",
		Title:    "The greeting is 220 with the host's full name",
		Severity: diagnosis.Advice,
		Why:      "The greeting shows who answers. A host that calls itself localhost is as a rule one whose name was never set, and sends under that name too.",
		Doc: `The first word after 220 is the fully qualified name of the host. It need not be the name in the MX record: a pool of hosts may stand behind that. Mail arrives whatever the greeting says, so this is advice.

Asterisks in place of words show that a firewall on the way rewrites SMTP (on Cisco devices "inspect esmtp", formerly "fixup protocol smtp"). Such firewalls often take STARTTLS away as well.

A greeting that tells the version of the server's software tells those who look for old versions where to come. This and a name that is none are reported for hosts under the domain's own name; how those of a provider greet is not yours to say.

To fix it, set the host name of the mail server: in Postfix myhostname, and smtpd_banner = $myhostname ESMTP; in Exim primary_hostname and smtp_banner. A greeting that is not 220 is the matter of smtp.port25-inbound and smtp.temporary-answers.`,
		Refs: []diagnosis.Ref{{Name: "RFC 5321, 4.3.1"}, {Name: "RFC 5321, 4.2"}},
	},
	Needs: []*checks.Check{Port25Inbound},
	Run:   banner,
})

// version is a piece of server software with its version.
var version = regexp.MustCompile(`(?i)\b(postfix|exim|sendmail|opensmtpd|haraka|zimbra|mdaemon|hmailserver|icewarp|kerio connect|mailenable|exchange|version:)[ /:(]*v?\d+(\.\d+)+\)?`)

func banner(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	return eachGreeted(ctx, env, func(a assessor) {
		step, _ := a.Step(probe.StageBanner)
		said := strings.Join(step.Reply.Texts(), " ")
		word, _, _ := strings.Cut(strings.TrimSpace(said), " ")
		_, wrong := facts.HostName(word)
		leak := version.FindString(said)
		switch {
		case strings.Count(said, "*") > 8:
			a.fault(diagnosis.Advice, fmt.Sprintf("greets with asterisks, %s: a firewall rewrites its SMTP", quoted(step)),
				[]string{`Turn off the inspection of SMTP on the firewall in front of it; on Cisco ASA: "no inspect esmtp" in the policy map.`}, probe.StageBanner)
		case wrong != "" && isOwn(env, a.Host.Name):
			a.fault(diagnosis.Advice, fmt.Sprintf("greets with %s: the name after 220 %s", quoted(step), wrong),
				[]string{"Set the server's host name to its full name in the DNS; in Postfix: postconf -e myhostname=mail.example.com, with your own name, and postfix reload."}, probe.StageBanner)
		case leak != "" && isOwn(env, a.Host.Name):
			a.fault(diagnosis.Advice, fmt.Sprintf("tells everybody its version, %q, in its greeting", leak),
				[]string{"Leave the version out of the greeting; in Postfix: smtpd_banner = $myhostname ESMTP, in Exim: smtp_banner = $smtp_active_hostname ESMTP."}, probe.StageBanner)
		}
		a.seen("%s", strings.Join(step.Reply.Lines, "\n"))
	})
}
