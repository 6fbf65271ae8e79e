package smtp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/dns"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/probe"
	"github.com/maildoctor/maildoctor/record"
)

// SubmissionPorts: the doors that are announced to mail programs are open, and
// safe.
var SubmissionPorts = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "smtp.submission-ports",
		Title:    "The ports announced to mail programs are open, with TLS that protects passwords",
		Severity: diagnosis.Warning,
		Why:      "People read and send their mail through these ports. A closed one, or a certificate that is not valid, is a mail program that stops working; a login in clear text is a password on the network.",
		Doc: `Every host and port that the domain announces to mail programs, by SRV records or in the settings for Thunderbird, is connected to: submission (465, 587), IMAP (993, 143), POP3 (995, 110) and ManageSieve (4190), at one IPv4 and one IPv6 address of each host. Ports that are not announced are left alone, and so is an announced port that is not a usual one of the service. At 465, 993 and 995 the TLS handshake comes first; elsewhere the greeting does, the question what is offered, and STARTTLS. Nothing is ever logged in to, and no name or password sent.

The connection has to be accepted, TLS 1.2 or newer negotiated, and the certificate has to be trusted, name the host and be valid for some days yet. Before TLS no way to log in may be offered that shows the password: AUTH PLAIN and LOGIN, USER of POP3, and LOGIN of IMAP, which has to be disabled by LOGINDISABLED. (On the mail host itself that is not judged, as some servers trust their own machine.)

A refused connection is a fault. No answer at all is one only where the same address accepts another connection, and at 465 and 587 only where some host is reached at that port, as many hosters let neither out: else a firewall on this side may be in the way, and it stays open. So does a host that is full at the moment. To fix it: Postfix has the entries submission and submissions in master.cf, with smtpd_tls_auth_only = yes; Dovecot ssl = required and the certificate in ssl_cert or, from 2.4, ssl_server_cert_file. Let the ports through the firewall for IPv6 too. If a service is not offered, deny it with an SRV record whose target is ".".`,
		Refs: []diagnosis.Ref{{Name: "RFC 8314, 3"}, {Name: "RFC 8314, 4.1"}, {Name: "RFC 8997"}, {Name: "RFC 7817, 3"}, {Name: "RFC 9051, 11.1"}},
	},
	Needs: []*checks.Check{dns.DomainExists},
	Run:   submissionPorts,
})

func submissionPorts(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	var v diagnosis.Verdict
	doors, err := facts.ClientDoors.Of(ctx, env)
	if err != nil {
		return v, err
	}
	for _, err := range doors.Errs {
		v.Doubts = append(v.Doubts, diagnosis.Doubt{Reason: err.Error()})
	}
	if v.Skip = doors.Off; v.Skip != "" {
		return v, nil
	}
	open := reached(ctx, env, doors)
	for _, door := range doors.List {
		judgeDoor(env, &v, door, open)
	}
	for _, left := range doors.Left {
		v.Seen = append(v.Seen, diagnosis.Evidence{Question: "left alone", Answer: left})
	}
	if doors.Omitted > 0 {
		v.Doubts = append(v.Doubts, diagnosis.Doubt{Reason: fmt.Sprintf("only %d of %d announced hosts and ports were tried", len(doors.List), len(doors.List)+doors.Omitted)})
	}
	return v, nil
}

// An opening is an address that accepted a connection or, without one, a port at
// which some host did.
type opening struct {
	addr netip.Addr
	port uint16
}

// reached is the addresses that accepted some connection, and the ports that are
// open on the way out of here.
func reached(ctx context.Context, env *checks.Env, doors facts.Doors) map[opening]bool {
	open := make(map[opening]bool)
	for _, door := range doors.List {
		for _, s := range door.Sessions {
			if s.Connected() {
				open[opening{addr: s.Target.Addr}], open[opening{port: door.Port}] = true, true
			}
		}
	}
	if sessions, err := facts.Sessions.Of(ctx, env); err == nil {
		for _, s := range sessions.List {
			if s.Connected() {
				open[opening{addr: s.Target.Addr}] = true
			}
		}
	}
	return open
}

// A doorSays is what is to be said of a host and port, and of which addresses.
type doorSays struct {
	kind  kind
	text  string
	steps []string
	addrs []string
	proof diagnosis.Evidence
}

// judgeDoor judges each address of a host and port; what is to be said alike of
// both is said once.
func judgeDoor(env *checks.Env, v *diagnosis.Verdict, door facts.Door, open map[opening]bool) {
	var all []doorSays
	for _, s := range door.Sessions {
		for _, said := range judgeDoorAt(env, door, s, open) {
			said.addrs = []string{s.Target.Addr.String()}
			at := slices.IndexFunc(all, func(o doorSays) bool { return o.kind == said.kind && o.text == said.text })
			if at >= 0 {
				all[at].addrs = append(all[at].addrs, said.addrs...)
				continue
			}
			all = append(all, said)
		}
	}
	answered := slices.ContainsFunc(all, func(s doorSays) bool { return s.kind != doubt })
	host := fmt.Sprintf("%s:%d", record.Display(door.Host), door.Port)
	for _, said := range all {
		where := host + " [" + listed(said.addrs) + "]"
		switch {
		case said.kind == fault:
			v.Findings = append(v.Findings, diagnosis.Finding{
				Subject: host, Severity: diagnosis.Warning, Evidence: []diagnosis.Evidence{said.proof},
				Message: fmt.Sprintf("%s at %s, announced by %s, %s", door.Service, where, listed(door.Sources), said.text),
				Remedy:  diagnosis.Remedy{Steps: append(foreign(env, door.Host), said.steps...)},
			})
		case said.kind == doubt && !(answered && strings.HasPrefix(said.text, noRoute)): // one family that this machine lacks is no doubt about the host
			v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: host, Reason: where + " " + said.text})
			v.Seen = append(v.Seen, said.proof)
		default:
			v.Seen = append(v.Seen, diagnosis.Evidence{Question: where, Answer: said.text})
		}
	}
}

const noRoute = "cannot be reached from here"

// judgeDoorAt judges one conversation.
func judgeDoorAt(env *checks.Env, door facts.Door, s facts.DoorSession, open map[opening]bool) []doorSays {
	var list []doorSays
	say := func(k kind, text string, steps ...string) {
		list = append(list, doorSays{kind: k, text: text, steps: steps, proof: s.Evidence()})
	}
	if wrong, unsure, steps := broken(door, s, open); wrong != "" {
		say(fault, wrong, steps...)
	} else if unsure != "" {
		say(doubt, unsure)
	}
	if offer := s.LoginInClear(); offer != "" && !s.Here { // some servers trust their own machine, and offer it more
		say(fault, fmt.Sprintf("lets mail programs log in before TLS (%s), so that their passwords can be read on the way", offer),
			"Allow no login before TLS: in Postfix smtpd_tls_auth_only = yes, in Dovecot ssl = required.")
	}
	if s.TLS == nil {
		return list
	}
	for _, wrong := range weakTLS(env.Now(), s.TLS) {
		say(fault, wrong, fmt.Sprintf("Give the server a certificate for %s from a public authority such as Let's Encrypt, with its intermediates, reload it after each renewal, and allow TLS 1.2 and 1.3 only.", record.Display(door.Host)))
	}
	switch {
	case len(list) > 0:
	case s.Here:
		say(seen, s.TLS.String()+"; of this machine itself, so that no firewall was passed")
	default:
		say(seen, s.TLS.String())
	}
	return list
}

// broken is why a conversation did not get to TLS: a fault of the host, or a
// reason to be unsure of it.
func broken(door facts.Door, s facts.DoorSession, open map[opening]bool) (wrong, unsure string, steps []string) {
	steps = []string{
		fmt.Sprintf("See that the server for %s runs and listens on this address, and that the firewalls let TCP port %d in.", door.Service, door.Port),
		"If the service is not offered, take back what announces it, or deny it by an SRV record with the target \".\".",
	}
	switch {
	case s.TLS != nil && s.Err == nil:
		return "", "", nil
	case s.Err == nil:
		return "offers no TLS", "", []string{"Set up TLS for this service, best from the first octet (465, 993, 995)."}
	}
	switch e := s.Err; e.Kind {
	case probe.Refused:
		return "refuses connections", "", steps
	case probe.Timeout:
		switch {
		case e.Stage != probe.StageConnect || !open[opening{addr: s.Target.Addr}]:
		case door.Service == probe.Submission && !s.Here && !open[opening{port: door.Port}]:
			return "", fmt.Sprintf("does not answer, though the host answers elsewhere; as many hosters let no connection to port %d out, that may be on this side", door.Port), nil
		default:
			return "does not answer, though the host answers elsewhere", "", steps
		}
		return "", "took too long: " + e.Error(), nil
	case probe.NoRoute:
		return "", noRoute + ": this machine has no " + facts.FamilyOf(s.Target.Addr).String(), nil
	case probe.Handshake:
		return fmt.Sprintf("fails the TLS handshake: %q", cut(e.Detail)), "", []string{
			"See in its log why. If the service begins in clear text at this port, it is set up the wrong way round for it.",
		}
	case probe.Mismatch, probe.Garbage:
		return fmt.Sprintf("does not speak %s: %s", door.Service, quoted(lastStep(s.Session))), "", []string{"See which program listens at this port."}
	case probe.Permanent:
		if e.Stage == probe.StageBanner {
			return "", "turns this machine away for now: " + quoted(lastStep(s.Session)), nil
		}
		if e.Stage == probe.StageEHLO { // the name that this machine gives may not please it
			return "", "refuses EHLO: " + quoted(lastStep(s.Session)), nil
		}
		return fmt.Sprintf("refuses TLS: %s", quoted(lastStep(s.Session))), "", []string{"See in the log of the server why."}
	case probe.Closed:
		return "", "hung up (" + e.Stage.String() + ")", nil
	}
	return "", "could not be asked: " + s.Err.Error(), nil
}

// lastStep is the step that went wrong.
func lastStep(s probe.Session) probe.Step {
	for _, step := range s.Steps {
		if step.Err != nil && step.Stage == s.Err.Stage {
			return step
		}
	}
	return probe.Step{}
}

// cut bounds a word of a host in a message.
func cut(s string) string {
	const most = 120
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}

// weakTLS is what keeps TLS from protecting a password.
func weakTLS(now time.Time, t *probe.TLS) []string {
	var list, wrong []string
	if t.Version < tls.VersionTLS12 { // RFC 8997
		list = append(list, "has no TLS newer than "+tls.VersionName(t.Version))
	}
	for _, f := range t.ChainFaults {
		detail := ""
		if f.Detail != "" {
			detail = " (" + f.Detail + ")"
		}
		wrong = append(wrong, chainFaults[f.Kind]+detail)
	}
	if t.NameFault != "" {
		wrong = append(wrong, t.NameFault)
	}
	if len(wrong) > 0 {
		return append(list, "shows a certificate that "+strings.Join(wrong, ", and "))
	}
	if leaf, err := x509.ParseCertificate(first(t.Chain)); err == nil {
		if left := leaf.NotAfter.Sub(now); left > 0 && left <= shortly(leaf) {
			list = append(list, fmt.Sprintf("shows a certificate that expires in %s, on %s", days(left), leaf.NotAfter.UTC().Format(time.DateOnly)))
		}
	}
	return list
}
