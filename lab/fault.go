package lab

import (
	"slices"

	"github.com/maildoctor/maildoctor/mta/deliver"
	"github.com/maildoctor/maildoctor/probe"
	"github.com/maildoctor/maildoctor/scenario/smtpscript"
)

// A Fault is one way in which a receiver, or what leads to it, misbehaves.
type Fault struct {
	Switch string // what it is asked for by: "4xx"
	Case   string // which of those of the switch; empty if it is the only one
	Does   string // a sentence about the receiver, without a full stop

	to    string      // the recipient's domain, of those of the chaos
	at    probe.Stage // where the receiver does
	act   act         // this
	says  string      // with the act answer
	times int         // conversations or answers that are wrong; 0: all
	cert  smtpscript.Certificate
	dns   bool // it is the DNS that fails, for questions about MX records
	down  bool // nobody listens, for so many times

	remembered bool // the sender knows the domain for its TLS
	brief      bool // the sender's time is short: five days pass in a moment
	hops       int  // the message has been through so many hosts
	both       bool // there is a second recipient, with whom all is well
	want       fate
	least      deliver.Level // of every conversation in which the message is sent
}

// A fate is what is to become of a message.
type fate int

const (
	atOnce   fate = iota // delivered by the first attempt
	later                // by a later one
	perhaps              // by the first attempt, which nobody could know: by a later one again
	returned             // after one attempt, to its sender
	unmet                // likewise, and nobody is connected to
	expired              // when its time is over, and its sender is told of the delay before
)

// Domains of the world of the chaos. In each of them the host is mx.
const (
	unruly    = "unruly.test"
	enforcing = "enforcing." + unruly // has an MTA-STS policy
	misnamed  = "misnamed." + unruly  // has one that names another host
	trying    = "trying." + unruly    // has one that is in test
	bound     = "bound." + unruly     // has a TLSA record of its host's key
	unusable  = "unusable." + unruly  // has none but such that SMTP does not use
	spare     = "spare." + unruly     // has a second host
	nobody    = "null." + unruly      // has a null MX
	circle    = "circle." + unruly    // names the sender as its host
	calm      = "calm." + unruly      // behaves
	missing   = "missing." + unruly   // is not there
	homeless  = "homeless." + unruly  // has a host without an address
)

// Switches is the names of faults, in their order.
func Switches() []string {
	var list []string
	for _, f := range Faults() {
		list = append(list, f.Switch)
	}
	return slices.Compact(list)
}

// Faults is all that a sender has to cope with.
func Faults() []Fault {
	return slices.Concat(refusals(), stalls(), ruptures(), nonsense(), lossOfTLS(), certificates(), ways())
}

// refusals is receivers that say no.
func refusals() []Fault {
	list := []Fault{{Switch: "greylist", Does: "it puts off mail of a sender that it does not know, at RCPT with 451 4.7.1", at: probe.StageRcpt, act: answer, says: "451 4.7.1 Greylisted, please try again later", times: 2, want: later}}
	for _, c := range []struct {
		at         probe.Stage
		for4, for5 string
	}{
		{probe.StageBanner, "421 4.3.2 Too busy", "554 5.3.2 No mail here"},
		{probe.StageEHLO, "421 4.3.0 Not now", "502 5.5.1 What is EHLO?"},
		{probe.StageMail, "451 4.3.0 Not now", "550 5.7.1 Not from you"},
		{probe.StageRcpt, "452 4.2.2 The mailbox is full", "550 5.1.1 Nobody is called so here"},
		{probe.StageData, "451 4.3.0 Not now", "554 5.5.0 No"},
		{probe.StageMessage, "451 4.3.0 The disk is full", "554 5.7.1 This is spam"},
	} {
		list = append(list, Fault{Switch: "4xx", Case: name(c.at), Does: "it answers " + c.for4[:9] + " once", at: c.at, act: answer, says: c.for4, times: 1, want: later})
		permanent := Fault{Switch: "5xx", Case: name(c.at), Does: "it answers " + c.for5[:9], at: c.at, act: answer, says: c.for5, want: returned}
		if c.at == probe.StageEHLO { // RFC 5321, 3.2: HELO is what is left
			permanent.Does, permanent.want = "it answers "+c.for5[:9]+", and knows HELO", atOnce
		}
		list = append(list, permanent)
	}
	list = append(list, Fault{Switch: "5xx", Case: "one of two", Does: "it answers RCPT with 550 5.1.1 for one of two recipients", at: probe.StageRcpt, act: answer, says: "550 5.1.1 Nobody is called so here", both: true, want: returned})
	slices.SortStableFunc(list[1:], func(a, b Fault) int { return int(a.Switch[0]) - int(b.Switch[0]) })
	return list
}

// name is a stage as it is spoken of.
func name(s probe.Stage) string {
	return map[probe.Stage]string{
		probe.StageBanner: "greeting", probe.StageEHLO: "EHLO", probe.StageSTARTTLS: "STARTTLS", probe.StageTLS: "handshake",
		probe.StageMail: "MAIL", probe.StageRcpt: "RCPT", probe.StageData: "DATA", probe.StageMessage: "final dot",
	}[s]
}

// stalls is receivers that take their time.
func stalls() []Fault {
	var list []Fault
	for _, at := range []probe.Stage{probe.StageBanner, probe.StageMail, probe.StageMessage} {
		list = append(list, Fault{Switch: "tarpit", Case: "silent at " + name(at), Does: "it does not answer", at: at, act: silence, times: 1, want: later})
	}
	return append(list, Fault{Switch: "tarpit", Case: "byte by byte", Does: "its reply to EHLO comes one octet at a time", at: probe.StageEHLO, act: drip, times: 1, want: later})
}

// ruptures is receivers that go away.
func ruptures() []Fault {
	var list []Fault
	for _, at := range []probe.Stage{probe.StageBanner, probe.StageEHLO, probe.StageSTARTTLS, probe.StageMail, probe.StageRcpt, probe.StageData} {
		list = append(list, Fault{Switch: "disconnect", Case: name(at), Does: "it hangs up", at: at, act: hangUp, times: 1, want: later})
	}
	return append(list,
		Fault{Switch: "disconnect", Case: "message", Does: "it hangs up in the middle of the message", at: probe.StageMessage, act: cut, times: 1, want: later},
		Fault{Switch: "lost-reply", Case: "hangs up", Does: "it takes the message, and hangs up before it says so", at: probe.StageMessage, act: forget, times: 1, want: perhaps},
		Fault{Switch: "lost-reply", Case: "silent", Does: "it takes the message, and does not answer", at: probe.StageMessage, act: muffle, times: 1, want: perhaps},
		Fault{Switch: "lost-reply", Case: "garbled", Does: "it takes the message, and what it says is no reply", at: probe.StageMessage, act: mumble, times: 1, want: perhaps},
	)
}

// nonsense is receivers that do not speak SMTP.
func nonsense() []Fault {
	var list []Fault
	for _, at := range []probe.Stage{probe.StageBanner, probe.StageEHLO, probe.StageMail, probe.StageRcpt, probe.StageData} {
		list = append(list, Fault{Switch: "garbage", Case: name(at), Does: "what it says is no reply", at: at, act: garble, times: 1, want: later})
	}
	return append(list,
		Fault{Switch: "garbage", Case: "behind STARTTLS", Does: "somebody puts a reply behind that to STARTTLS, in clear text", at: probe.StageSTARTTLS, act: inject, want: atOnce, least: deliver.Encrypted},
		Fault{Switch: "long-reply", Case: "lines", Does: "its reply to EHLO has lines without an end", at: probe.StageEHLO, act: flood, times: 1, want: later},
		Fault{Switch: "long-reply", Case: "line", Does: "its reply to RCPT is a line without an end", at: probe.StageRcpt, act: overrun, times: 1, want: later},
	)
}

// lossOfTLS is receivers without TLS, or somebody in between who takes it away.
func lossOfTLS() []Fault {
	list := []Fault{
		{Switch: "no-tls", Case: "not offered", Does: "it does not offer STARTTLS, and nothing asks for it", at: probe.StageEHLO, act: strip, want: atOnce},
		{Switch: "no-tls", Case: "refused", Does: "it answers STARTTLS with 454 4.7.0, and nothing asks for TLS", at: probe.StageSTARTTLS, act: answer, says: "454 4.7.0 TLS is not available", want: atOnce},
		{Switch: "no-tls", Case: "handshake", Does: "the handshake fails, and nothing asks for TLS", at: probe.StageTLS, act: garble, want: atOnce},
	}
	list = append(list, Fault{Switch: "no-tls", Case: "MTA-STS in test", Does: "it does not offer STARTTLS, and its MTA-STS policy is in test", to: trying, at: probe.StageEHLO, act: strip, want: atOnce})
	for _, p := range []struct{ name, to string }{{"MTA-STS", enforcing}, {"DANE", bound}} {
		list = append(list,
			Fault{Switch: "no-tls", Case: p.name + ", stripped", Does: "somebody takes STARTTLS out of its offer twice; " + p.name + " asks for it", to: p.to, at: probe.StageEHLO, act: strip, times: 2, want: later, least: deliver.Verified},
			Fault{Switch: "no-tls", Case: p.name + ", handshake", Does: "the handshake fails twice; " + p.name + " asks for TLS", to: p.to, at: probe.StageTLS, act: garble, times: 2, want: later, least: deliver.Verified},
		)
	}
	return append(list,
		Fault{Switch: "no-tls", Case: "remembered, stripped", Does: "somebody takes STARTTLS out of its offer twice; the last mail went out verified", at: probe.StageEHLO, act: strip, times: 2, want: later, least: deliver.Verified, remembered: true},
	)
}

// certificates is receivers that show one that they should not.
func certificates() []Fault {
	host := "mx." + enforcing
	return []Fault{
		{Switch: "wrong-certificate", Case: "self-signed", Does: "its certificate is self-signed, and nothing asks for a better one", act: show, at: probe.StageTLS, cert: smtpscript.Certificate{Names: []string{"mx." + unruly}, SelfSigned: true}, want: atOnce, least: deliver.Encrypted},
		{Switch: "wrong-certificate", Case: "MTA-STS, self-signed", Does: "its certificate is self-signed twice", to: enforcing, act: show, at: probe.StageTLS, times: 2, cert: smtpscript.Certificate{Names: []string{host}, SelfSigned: true}, want: later, least: deliver.Verified},
		{Switch: "wrong-certificate", Case: "MTA-STS, other name", Does: "its certificate is for another name twice", to: enforcing, act: show, at: probe.StageTLS, times: 2, cert: smtpscript.Certificate{Names: []string{"other.test"}}, want: later, least: deliver.Verified},
		{Switch: "wrong-certificate", Case: "MTA-STS, expired", Does: "its certificate has expired, and is replaced after two visits", to: enforcing, act: show, at: probe.StageTLS, times: 2, cert: smtpscript.Certificate{Names: []string{host}, Expired: true}, want: later, least: deliver.Verified},
		{Switch: "wrong-certificate", Case: "DANE, other key", Does: "its key is not that of its TLSA record twice", to: bound, act: show, at: probe.StageTLS, times: 2, cert: smtpscript.Certificate{Names: []string{"other.test"}}, want: later, least: deliver.Verified},
		{Switch: "wrong-certificate", Case: "DANE, self-signed", Does: "its certificate is self-signed, with the key of its TLSA record", to: bound, act: show, at: probe.StageTLS, cert: smtpscript.Certificate{Names: []string{"mx." + bound}, SelfSigned: true}, want: atOnce, least: deliver.Encrypted},
		{Switch: "wrong-certificate", Case: "DANE, unusable", Does: "its TLSA record is of a kind that SMTP does not use, its certificate self-signed", to: unusable, act: show, at: probe.StageTLS, cert: smtpscript.Certificate{Names: []string{"mx." + unusable}, SelfSigned: true}, want: atOnce, least: deliver.Encrypted},
		{Switch: "sts-mismatch", Does: "its MTA-STS policy does not name the host of its MX record", to: misnamed, want: expired, brief: true},
	}
}

// ways is what goes wrong before anybody is talked to.
func ways() []Fault {
	return []Fault{
		{Switch: "down", Case: "for a while", Does: "it refuses connections twice", down: true, times: 2, want: later},
		{Switch: "down", Case: "the first of two", Does: "the preferred of its two hosts refuses connections", to: spare, want: atOnce},
		{Switch: "down", Case: "for good", Does: "it refuses connections for longer than mail is kept", down: true, want: expired, brief: true},
		{Switch: "dns-failure", Case: "SERVFAIL", Does: "the question for its MX records fails twice", dns: true, times: 2, want: later},
		{Switch: "dns-failure", Case: "no such domain", Does: "its domain does not exist", to: missing, want: unmet},
		{Switch: "dns-failure", Case: "no address", Does: "the host of its MX record has no address", to: homeless, want: unmet},
		{Switch: "null-mx", Does: "its domain says that it takes no mail (RFC 7505)", to: nobody, want: unmet},
		{Switch: "loop", Case: "MX", Does: "its MX record names the sender", to: circle, want: unmet},
		{Switch: "loop", Case: "Received", Does: "the message has been through 51 hosts", hops: 51, want: unmet},
		{Switch: "loop", Case: "EHLO", Does: "it calls itself as the sender does", at: probe.StageEHLO, act: rename, want: returned},
	}
}

func (f Fault) domain() string {
	if f.to == "" {
		return unruly
	}
	return f.to
}
