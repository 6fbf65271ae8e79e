// Package probe holds staged conversations with one mail host, from the dial to
// QUIT, and keeps what was said in each stage, how long it took and why it went
// no further.
//
// It sends no message. DATA is sent only where a Target has an Unended message,
// which is begun, broken off and never ended as RFC 5321, 4.1.1.4 has it; a host
// that takes something else for the end delivers what it has by then. It does not choose whom
// to talk to and judges nothing but what is a fact of the conversation itself:
// that a connection was refused, that a certificate does not name the host.
package probe

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/diagnosis"
)

// Stage is one step of a conversation, in the order in which they follow.
type Stage int

const (
	StageConnect  Stage = iota + 1 // the TCP handshake
	StageBanner                    // the greeting (RFC 5321, 3.1)
	StageEHLO                      // EHLO or, where that is refused, HELO
	StageSTARTTLS                  // the command, where it is offered (RFC 3207, 4)
	StageTLS                       // the TLS handshake
	StageEHLO2                     // EHLO inside TLS (RFC 3207, 4.2)
	StageMail                      // MAIL FROM, once for each envelope
	StageRcpt                      // RCPT TO, once for each recipient
	StageReset                     // RSET, after each envelope: nothing is ever sent
	StageVerify                    // VRFY or EXPN
	StageData                      // DATA, for an Unended message only
	StageEnding                    // what should not end it, once for each that was sent
	StageQuit                      // QUIT, always where it could be understood; its answer is not kept

	// Stages of a Fetch, besides StageConnect and StageTLS.
	StageResolve // the addresses of the host
	StageRequest // the request, and the head of the response
	StageBody    // the body of the response

	StageCapability // what a host offers mail programs, in clear text (CAPABILITY, CAPA)

	// Stages of the delivery of a message, which is not done here.
	StageAuth    // AUTH (RFC 4954)
	StageMessage // the message, its final dot and the reply to that
)

var stageNames = map[Stage]string{
	StageConnect: "connect", StageBanner: "banner", StageEHLO: "ehlo", StageSTARTTLS: "starttls", StageTLS: "tls",
	StageEHLO2: "ehlo2", StageMail: "mail", StageRcpt: "rcpt", StageReset: "rset", StageVerify: "verify", StageData: "data", StageEnding: "ending", StageQuit: "quit",
	StageResolve: "resolve", StageRequest: "request", StageBody: "body", StageCapability: "capability",
	StageAuth: "auth", StageMessage: "message",
}

func (s Stage) String() string { return stageNames[s] }

// A Target is whom to talk to and how far to go.
type Target struct {
	// Host is the name that led to Addr. It is sent in SNI and the certificate is
	// held against it; a final dot is ignored.
	Host string
	Addr netip.Addr
	Port uint16 // 0 is 25

	// Service is what to talk about. With those for mail programs the conversation
	// goes as far as to where a program would log in, and of what follows only
	// HELO and Limits matter.
	Service Service `json:",omitzero"`
	// ImplicitTLS begins TLS with the first octet. For services for mail programs.
	ImplicitTLS bool `json:",omitzero"`

	// HELO is the name given in EHLO, a fully qualified one that resolves to the
	// address this machine is seen with (RFC 5321, 4.1.1.1). Empty: the prober's.
	HELO string

	// Envelopes are the mail transactions to begin, one after the other. None gets
	// as far as DATA.
	Envelopes []Envelope
	// Verify, where it is not empty, is what VRFY asks about, and EXPN too where
	// the host lists that (RFC 5321, 3.5.2). ASCII only.
	Verify string
	// Unended, if it is not nil, is a message to begin after all else. The host's
	// owner has to consent to that.
	Unended *Unended `json:",omitempty"`
	// NewestTLS is the newest version of TLS to offer, as tls.VersionTLS11; 0 is
	// the newest there is.
	NewestTLS uint16

	// Last is the last stage before QUIT. Zero is all of them.
	Last Stage

	// Limits overrides the prober's where a field is not zero.
	Limits Timeouts
}

// An Envelope is what a mail transaction begins with: whom it is from, empty for
// the null reverse-path, and to. ASCII only, without angle brackets.
type Envelope struct {
	From  string
	Rcpts []string
}

// Endpoint is the address and port of the target: "192.0.2.25:25", "[2001:db8::25]:25".
func (t Target) Endpoint() string { return netip.AddrPortFrom(t.Addr.Unmap(), t.port()).String() }

func (t Target) port() uint16 {
	if t.Port == 0 {
		return 25
	}
	return t.Port
}

// A Session is one conversation. Everything in it that the host said is kept
// octet for octet, and is never safe to print raw.
type Session struct {
	Target Target
	Steps  []Step // in the order they were taken
	TLS    *TLS   // nil where no handshake was completed
	Err    *Error // why the first stage that went wrong did, VRFY, EXPN and QUIT aside; nil if all was well
	Took   time.Duration
}

// A Step is one stage of a conversation. EHLO may have two steps: EHLO refused
// and HELO. MAIL, RCPT and RSET have one for each that was answered.
type Step struct {
	Stage   Stage
	Command string // as sent, without CRLF; empty for connect, banner and tls
	Reply   Reply  // what came back, complete or not
	Took    time.Duration
	Err     *Error // nil if the stage did what it is there for
}

// Step returns the last step that was taken at a stage.
func (s Session) Step(stage Stage) (Step, bool) {
	for i := len(s.Steps) - 1; i >= 0; i-- {
		if s.Steps[i].Stage == stage {
			return s.Steps[i], true
		}
	}
	return Step{}, false
}

// Done reports whether a stage was taken and did what it is there for.
func (s Session) Done(stage Stage) bool {
	step, ok := s.Step(stage)
	return ok && step.Err == nil
}

// Connected reports whether the host accepted the connection.
func (s Session) Connected() bool { return s.Done(StageConnect) }

// Greeted reports whether the host greeted with 220.
func (s Session) Greeted() bool { return s.Done(StageBanner) }

// Extension reports the parameters with which the host's last reply to EHLO
// offers an extension (RFC 5321, 4.1.1.1), and whether it does.
func (s Session) Extension(keyword string) (parameters string, offered bool) {
	for i := len(s.Steps) - 1; i >= 0; i-- {
		if step := s.Steps[i]; step.Err == nil && (step.Stage == StageEHLO || step.Stage == StageEHLO2) {
			return step.Extension(keyword)
		}
	}
	return "", false
}

// Envelope returns the steps of the i-th envelope, that of MAIL first; none if
// the conversation did not get there.
func (s Session) Envelope(i int) []Step {
	var steps []Step
	for _, step := range s.Steps {
		switch {
		case step.Stage == StageMail:
			i--
		case step.Stage != StageRcpt:
			continue
		}
		if i == -1 {
			steps = append(steps, step)
		}
	}
	return steps
}

// Extensions is what a reply to EHLO offers, each as it stands there:
// "SIZE 10240000". The first line is the host's name and none of them.
func (s Step) Extensions() []string {
	texts := s.Reply.Texts()
	if !strings.HasPrefix(s.Command, "EHLO") || s.Err != nil || len(texts) < 2 {
		return nil
	}
	return texts[1:]
}

// Extension is Session.Extension for this reply to EHLO.
func (s Step) Extension(keyword string) (parameters string, offered bool) {
	for _, text := range s.Extensions() {
		name, parameters, _ := strings.Cut(text, " ")
		if strings.EqualFold(name, keyword) {
			return parameters, true
		}
	}
	return "", false
}

// Evidence is the conversation as a reader follows it: the address asked, and a
// line for each command sent (">"), line received ("<") and fault ("!"). Where
// stages are named it is those alone.
func (s Session) Evidence(stages ...Stage) diagnosis.Evidence {
	var lines []string
	for _, step := range s.Steps {
		if len(stages) > 0 && !slices.Contains(stages, step.Stage) {
			continue
		}
		if step.Command != "" {
			lines = append(lines, "> "+step.Command)
		}
		for _, line := range step.Reply.Lines {
			lines = append(lines, "< "+line)
		}
		switch {
		case step.Err != nil && step.Err.Kind != Temporary && step.Err.Kind != Permanent:
			lines = append(lines, "! "+step.Err.Error())
		case step.Stage == StageConnect:
			lines = append(lines, "connected")
		case step.Stage == StageTLS && s.TLS != nil:
			lines = append(lines, s.TLS.String())
		}
	}
	return diagnosis.Evidence{Question: s.Target.Service.String() + " " + s.Target.Endpoint(), Answer: strings.Join(lines, "\n")}
}

// Kind is why a stage went wrong.
type Kind int

const (
	Refused     Kind = iota + 1 // the connection was refused: nothing listens, or a firewall says so
	Timeout                     // no answer in time
	Closed                      // the host hung up, with or without a reset
	NoRoute                     // this machine has no route to that network, or no address of that family
	Unreachable                 // a router on the way says that the host cannot be reached
	Denied                      // this machine does not let us connect
	Garbage                     // what came back is not SMTP, or too much of it
	Temporary                   // a reply 4yz
	Permanent                   // a reply 5yz
	Handshake                   // the TLS handshake failed
	Canceled                    // the caller or its deadline ended the conversation
	Invalid                     // the target cannot be put into commands
	Other                       // none of these
	Unresolved                  // the DNS does not tell the addresses of the host
	NoAddress                   // the host has no address
	Forbidden                   // every address of the host is one that must not be fetched from
	NotHTTP                     // what came back is not HTTP
	TooLarge                    // more came back than a client takes
	Mismatch                    // what came back is not of the protocol that belongs to the port
)

var kindNames = map[Kind]string{
	Refused: "connection refused", Timeout: "timed out", Closed: "connection closed", NoRoute: "network unreachable from here",
	Unreachable: "host unreachable", Denied: "not permitted on this machine", Garbage: "not an SMTP reply",
	Temporary: "temporary refusal", Permanent: "refusal", Handshake: "TLS handshake failed", Canceled: "cut short",
	Invalid: "invalid target", Other: "failed", Unresolved: "no conclusive answer from the DNS", NoAddress: "no address",
	Forbidden: "not a public address", NotHTTP: "not an HTTP response", TooLarge: "too large", Mismatch: "not what the protocol has",
}

func (k Kind) String() string { return kindNames[k] }

// An Error is why a stage went wrong.
type Error struct {
	Stage  Stage
	Kind   Kind
	Detail string // "nothing within 10s"; words of the host are quoted and escaped
	Err    error  `json:"-"` // the cause, if any
}

// Error is "connect: connection refused" or "banner: timed out (nothing within 30s)".
func (e *Error) Error() string {
	if e.Detail == "" {
		return e.Stage.String() + ": " + e.Kind.String()
	}
	return fmt.Sprintf("%s: %s (%s)", e.Stage, e.Kind, e.Detail)
}

func (e *Error) Unwrap() error { return e.Err }

// KindOf reports the kind of a probe's error; 0 if err is not one.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) && e != nil {
		return e.Kind
	}
	return 0
}
