package autoconfig

import (
	"context"
	"fmt"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/dns"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/autoconfig"
	"github.com/maildoctor/maildoctor/record"
)

// SRV: the records lead mail programs where they should.
var SRV = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "autoconfig.srv",
		Title:    "SRV records lead mail programs to the services that there are",
		Severity: diagnosis.Advice,
		Why:      "With SRV records, people type their address and their password and are done. With wrong ones their mail program knocks where nobody answers, or logs in where others can listen.",
		Doc: `A mail program that knows SRV records asks for _submissions._tcp and _submission._tcp to find where mail is sent from, and for _imaps, _imap, _pop3s and _pop3 to find the mailbox; _sieve is for its filter rules. Each record names a host and a port. A service that is not offered can be denied with the target "." so that nobody tries it. The names that end in s begin with TLS; the others begin in clear text and go on with STARTTLS.

Each target has to be a host name with an address of its own: not an alias (most programs follow one, though the standard forbids it, so that is advice), and not an IP address. The port has to be the one of the service. A record that denies a service beside others that offer it contradicts them. A service of the domain's own host that is announced in its clear-text form alone gets the advice to announce the other too: with TLS from the first octet nobody in between can talk the program out of it.

A domain without such records is well unless it runs its own mail host and publishes no settings at autoconfig.<domain> either; then it is advised to. At a provider, publish what its manual says. By hand, for a host that offers IMAP and submission over TLS: _imaps._tcp SRV 0 1 993 mail.example.org. and _submissions._tcp SRV 0 1 465 mail.example.org. Thunderbird looks for settings on a web server (autoconfig.mozilla), Outlook for Autodiscover (autoconfig.autodiscover).`,
		Refs: []diagnosis.Ref{{Name: "RFC 6186, 3"}, {Name: "RFC 8314, 5.1"}, {Name: "RFC 2782"}, {Name: "RFC 8314, 3"}},
	},
	Needs: []*checks.Check{dns.DomainExists},
	Run:   srv,
})

func srv(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	var v diagnosis.Verdict
	services, err := facts.SRVServices.Of(ctx, env)
	if err != nil {
		return v, err
	}
	judgeServices(env, &v, services.Mail)
	for _, a := range services.Mail {
		if a.Service.Secure != "" && a.Offered() {
			clearOnly(env, &v, a, services.Mail)
		}
	}
	if services.Announces() || len(v.Doubts) > 0 {
		return v, nil
	}
	v.Seen = []diagnosis.Evidence{{Question: "SRV", Answer: "none published; optional"}}
	return unannounced(ctx, env, v)
}

// unannounced is the verdict on a domain without records.
func unannounced(ctx context.Context, env *checks.Env, v diagnosis.Verdict) (diagnosis.Verdict, error) {
	host := facts.OwnMailHost(ctx, env)
	settings, err := facts.MozillaSettings.Of(ctx, env)
	switch {
	case err != nil:
		return v, err
	case host == "":
		return v, nil // somebody else's, or none
	case len(settings.Addrs) > 0 && !settings.ByWildcard:
		v.Seen = append(v.Seen, diagnosis.Evidence{Question: record.Display(settings.Host), Answer: "is there for mail programs"})
		return v, nil
	}
	domain := record.Display(env.Domain)
	v.Findings = []diagnosis.Finding{{
		Subject: domain, Severity: diagnosis.Advice, Evidence: v.Seen,
		Message: domain + " tells mail programs nothing: people have to know and type the names of its servers",
		Remedy: diagnosis.Remedy{Steps: []string{
			fmt.Sprintf("If people have mailboxes here, announce the services that %s offers them, for example %s and %s", record.Display(host),
				line(example(env, "_imaps", host)), line(example(env, "_submissions", host))),
			fmt.Sprintf("For Thunderbird and those that do as it does, serve settings at autoconfig.%s as well; see autoconfig.mozilla.", domain),
		}},
	}}
	return v, nil
}

// example is the record that announces a service at its usual port.
func example(env *checks.Env, label, host string) record.Record {
	s := service(label)
	name, _ := s.At(env.Domain)
	return autoconfig.SRV{Weight: 1, Port: s.Port, Target: host}.Record(name)
}

func service(label string) autoconfig.Service {
	for _, s := range autoconfig.MailServices() {
		if s.Label == label {
			return s
		}
	}
	return autoconfig.Service{}
}

// judgeServices says what is wrong with the records of some services.
func judgeServices(env *checks.Env, v *diagnosis.Verdict, services []facts.Announced) {
	for _, a := range services {
		name := record.Display(a.Name)
		if a.Err != nil {
			v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: name, Reason: a.Err.Error()})
			continue
		}
		if len(a.Targets) == 0 {
			continue
		}
		v.Seen = append(v.Seen, diagnosis.Evidence{Question: a.Answer.Question.String(), Answer: a.Answer.String()})
		for _, t := range a.Targets {
			if t.Absent() && a.Offered() {
				contradiction(v, a)
				break
			}
		}
		for _, t := range a.Targets {
			if !t.Absent() || t.Broken {
				judgeTarget(env, v, a, t)
			}
		}
	}
}

// contradiction is a service that is offered and denied.
func contradiction(v *diagnosis.Verdict, a facts.Announced) {
	f := diagnosis.Finding{
		Subject: record.Display(a.Name), Severity: diagnosis.Warning,
		Message:  fmt.Sprintf("%s says with the target \".\" that there is no %s, and names a host for it all the same", record.Display(a.Name), a.Service.Name),
		Evidence: []diagnosis.Evidence{{Question: a.Answer.Question.String(), Answer: a.Answer.String()}},
	}
	if aliased(a) {
		f.Remedy.Steps = []string{"Take out the record with the target \".\" at " + record.Display(a.Answer.Target()) + "."}
	} else {
		f.Remedy.Edits = []record.Edit{corrected(a)}
	}
	v.Findings = append(v.Findings, f)
}

// corrected is the edit after which the records offer what they can, each at a
// port of the service.
func corrected(a facts.Announced) record.Edit {
	edit := record.Edit{Slot: record.Slot{Name: a.Name, Type: "SRV"}}
	for _, r := range a.Answer.Records {
		srv, ok := autoconfig.ParseSRV(r)
		switch {
		case !ok:
			edit.Want = append(edit.Want, r)
		case srv.Absent() && a.Offered():
		default:
			if !srv.Absent() && othersPort(srv.Port, a.Service) != "" {
				srv.Port = a.Service.Port
			}
			edit.Want = append(edit.Want, srv.Record(a.Name))
		}
	}
	return edit
}

// othersPort is the service to which a port belongs; empty if to none, or to this.
func othersPort(port uint16, this autoconfig.Service) string {
	for _, other := range append(autoconfig.MailServices(), autoconfig.Service{Name: "mail between servers", Port: 25}) {
		if other.Port == port && port != this.Port {
			return other.Name
		}
	}
	return ""
}

// aliased reports whether the records stand somewhere else.
func aliased(a facts.Announced) bool { return len(a.Answer.Chain) > 0 }

// judgeTarget says what is wrong with one record.
func judgeTarget(env *checks.Env, v *diagnosis.Verdict, a facts.Announced, t facts.ServiceTarget) {
	name, host := record.Display(a.Name), record.Display(t.Target)
	proof := append([]diagnosis.Evidence{{Question: a.Answer.Question.String(), Answer: t.Record.Data}}, asked(t.HostAddrs)...)
	add := func(severity diagnosis.Severity, message string, remedy diagnosis.Remedy) {
		v.Findings = append(v.Findings, diagnosis.Finding{Subject: name, Severity: severity, Message: name + " " + message, Evidence: proof, Remedy: remedy})
	}
	steps := func(words ...string) diagnosis.Remedy { return diagnosis.Remedy{Steps: words} }
	switch wrong := leads(env, t.HostAddrs); {
	case t.Broken:
		add(diagnosis.Warning, fmt.Sprintf("has the data %q, which is not that of an SRV record", clip(t.Record.Data)), steps("Publish priority, weight, port and host, such as "+line(autoconfig.SRV{Weight: 1, Port: a.Service.Port, Target: "mail." + env.Domain}.Record(a.Name))))
		return
	case t.IsLiteral():
		add(diagnosis.Warning, fmt.Sprintf("names the address %s where a host name belongs", host), steps("Name a host that has this address in place of it."))
		return
	case !t.Known():
		v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: name, Reason: t.Errs[0].Error()})
	case wrong != "":
		add(diagnosis.Warning, fmt.Sprintf("leads mail programs to %s, which %s", host, wrong), steps(
			fmt.Sprintf("Name the host that offers %s, give %s its address, or say with the target \".\" that there is no such service: %s", a.Service.Name, host, line(autoconfig.SRV{Target: "."}.Record(a.Name)))))
	case len(t.Chain) > 0: // RFC 2782: the name MUST NOT be an alias
		add(diagnosis.Advice, fmt.Sprintf("names %s, an alias of %s; a target is not to be an alias", host, record.Display(t.Chain[len(t.Chain)-1].Data)), steps(
			fmt.Sprintf("Give %s an A or AAAA record in place of the CNAME, or name %s (its certificate has to name that then).", host, record.Display(t.Chain[len(t.Chain)-1].Data))))
	}
	if t.Port != a.Service.Port && (a.Service.Port != portHTTPS || othersPort(t.Port, a.Service) != "") { // on the web any port will do
		wrongPort(a, t, add)
	}
}

const portHTTPS = 443

// wrongPort is a port that is another service's, or none that is known.
func wrongPort(a facts.Announced, t facts.ServiceTarget, add func(diagnosis.Severity, string, diagnosis.Remedy)) {
	other := othersPort(t.Port, a.Service)
	right := t.SRV
	right.Port = a.Service.Port
	switch {
	case other == "":
		add(diagnosis.Advice, fmt.Sprintf("names port %d; %s has %d, and many networks let nothing else out", t.Port, a.Service.Name, a.Service.Port),
			diagnosis.Remedy{Steps: []string{fmt.Sprintf("If the host offers the service at port %d as well, name that.", a.Service.Port)}})
	case aliased(a):
		add(diagnosis.Warning, fmt.Sprintf("names port %d, that of %s; %s has %d", t.Port, other, a.Service.Name, a.Service.Port),
			diagnosis.Remedy{Steps: []string{"Have published in its place " + line(right.Record(a.Answer.Target()))}})
	default:
		add(diagnosis.Warning, fmt.Sprintf("names port %d, that of %s; %s has %d", t.Port, other, a.Service.Name, a.Service.Port),
			diagnosis.Remedy{Edits: []record.Edit{corrected(a)}})
	}
}

// clearOnly is the advice to announce a service over TLS, where the domain's own
// host has it announced in clear text only.
func clearOnly(env *checks.Env, v *diagnosis.Verdict, a facts.Announced, all []facts.Announced) {
	for _, other := range all {
		if other.Service.Label == a.Service.Secure && (other.Offered() || other.Err != nil) {
			return
		}
	}
	for _, t := range a.Targets {
		if t.Broken || t.Absent() || !facts.Owns(env, t.Target) {
			continue
		}
		secure := example(env, a.Service.Secure, t.Target)
		v.Findings = append(v.Findings, diagnosis.Finding{
			Subject: record.Display(a.Name), Severity: diagnosis.Advice,
			Message:  fmt.Sprintf("%s announces %s, which begins in clear text, and nothing announces %s", record.Display(a.Name), a.Service.Name, service(a.Service.Secure).Name),
			Evidence: []diagnosis.Evidence{{Question: a.Answer.Question.String(), Answer: a.Answer.String()}},
			Remedy: diagnosis.Remedy{Steps: []string{
				fmt.Sprintf("Have %s offer %s at port %d, and then publish %s", record.Display(t.Target), service(a.Service.Secure).Name, service(a.Service.Secure).Port, line(secure)),
				"When every mail program has moved, deny the other: " + line(autoconfig.SRV{Target: "."}.Record(a.Name)),
			}},
		})
		return
	}
}
