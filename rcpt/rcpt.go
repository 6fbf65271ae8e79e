// Package rcpt asks a mail host which recipients it takes, without sending anything:
// MAIL, RCPT, RSET and no DATA, one conversation after the other, with pauses, and no
// further when the host has had enough.
//
// It tells apart what is refused from what is put off and from what could not be
// asked. It chooses no host and judges no domain.
package rcpt

import (
	"cmp"
	"context"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/mta/replies"
	"github.com/maildoctor/maildoctor/probe"
)

// An SMTP holds one conversation; *probe.Prober is one.
type SMTP interface {
	Converse(context.Context, probe.Target) probe.Session
}

// A Host is whom to ask.
type Host struct {
	Name string // that its certificate has to stand for
	Addr netip.Addr
	Port uint16 // 0 is 25
}

// Options say how. The zero value is polite.
type Options struct {
	HELO string // the prober's, where it is empty
	From string // reverse-path; empty is the null one, which every host takes (RFC 5321, 4.5.5)
	// Unlikely is an address that does not exist. It is asked for first.
	Unlikely string
	// PerSession is how many recipients one connection is asked for; 0 is 50.
	PerSession int
	// Pause is the time between connections; 0 is a second. After a host has hung
	// up on us it is longer.
	Pause time.Duration
	// Again is the time after which recipients that were put off are asked for once
	// more, as greylisting wants it; 0 is never.
	Again time.Duration
	// Observe is told of every answer; nil if nobody is.
	Observe func(Answer)
}

// A Verdict is what a host makes of a recipient.
type Verdict int

const (
	Unknown Verdict = iota // it could not be asked
	Taken                  // 250 or 251
	Refused                // there is no such mailbox, or it takes nothing
	Denied                 // the host does not take mail of the domain, or not from here
	Later                  // 4xx: greylisted, busy, full
)

var verdictNames = [...]string{"unknown", "taken", "refused", "denied", "later"}

func (v Verdict) String() string {
	if v < 0 || int(v) >= len(verdictNames) {
		return "invalid"
	}
	return verdictNames[v]
}

// An Answer is what a host said to a recipient.
type Answer struct {
	Address    string
	Verdict    Verdict
	Reply      string // octets of the host; empty of Unknown
	Reason     string // why it is Unknown
	Greylisted bool   // of Later: the reply says that strangers have to come again
}

// A Result is all that was found out about a host.
type Result struct {
	Host     Host
	Answers  []Answer // in the order of the addresses
	CatchAll Answer   // of Options.Unlikely; its Address is empty where nothing was asked

	Connected bool
	TLS       *probe.TLS // of the first conversation; nil without
	TLSFault  string     // why there is none; empty where the conversation did not get that far
	Size      int64      // octets of a message that the host takes (RFC 1870); 0: not said
	Sessions  int
	Took      time.Duration
}

// Bounds of a run.
const (
	perSession = 50
	pause      = time.Second
	longest    = 30 * time.Second // pause
	fruitless  = 3                // conversations without one answer, after which no other is begun
)

// Try asks a host for addresses. It ends early with ctx; what was not asked then is
// Unknown. Its time is that of the pauses and of the conversations, which have the
// limits of smtp.
func Try(ctx context.Context, smtp SMTP, host Host, addresses []string, o Options) Result {
	start := time.Now()
	t := &trial{smtp: smtp, host: host, o: o, answers: make(map[string]Answer), result: Result{Host: host}}
	t.all(ctx, addresses)
	if again := t.putOff(addresses); o.Again > 0 && len(again) > 0 && wait(ctx, o.Again) {
		for _, a := range again {
			delete(t.answers, a)
		}
		t.all(ctx, again)
	}
	for _, a := range addresses {
		t.result.Answers = append(t.result.Answers, t.answer(a))
	}
	if o.Unlikely != "" {
		t.result.CatchAll = t.answer(o.Unlikely)
	}
	t.result.Took = time.Since(start)
	return t.result
}

// A trial is one run against one host.
type trial struct {
	smtp    SMTP
	host    Host
	o       Options
	answers map[string]Answer
	why     string // the last conversation ended before its time
	result  Result
}

func (t *trial) answer(address string) Answer {
	if a, ok := t.answers[address]; ok {
		return a
	}
	return Answer{Address: address, Reason: cmp.Or(t.why, "there was no time to ask")}
}

// putOff is those of addresses that the host put off.
func (t *trial) putOff(addresses []string) []string {
	return slices.DeleteFunc(slices.Clone(addresses), func(a string) bool { return t.answers[a].Verdict != Later })
}

// all asks for addresses, conversation after conversation.
func (t *trial) all(ctx context.Context, addresses []string) {
	open := make([]string, 0, len(addresses)+1)
	if _, asked := t.answers[t.o.Unlikely]; t.o.Unlikely != "" && !asked {
		open = append(open, t.o.Unlikely)
	}
	open = append(open, addresses...)
	most := cmp.Or(max(t.o.PerSession, 0), perSession)
	between := cmp.Or(max(t.o.Pause, 0), pause)
	for failed := 0; len(open) > 0 && failed < fruitless; {
		if t.result.Sessions > 0 && !wait(ctx, between) {
			return
		}
		n := t.converse(ctx, open[:min(most, len(open))])
		if ctx.Err() != nil {
			return
		}
		if !t.result.Connected {
			return
		}
		if failed++; n > 0 {
			failed = 0
		}
		if t.why != "" { // the host hung up: less, and slower
			between = min(2*between, longest)
		}
		open = slices.DeleteFunc(open, func(a string) bool { _, asked := t.answers[a]; return asked })
	}
}

// converse holds one conversation, and returns how many answers it brought.
func (t *trial) converse(ctx context.Context, addresses []string) (answers int) {
	target := probe.Target{Host: t.host.Name, Addr: t.host.Addr, Port: t.host.Port, HELO: t.o.HELO}
	// A host may answer each recipient only after some seconds, or after each refusal.
	target.Limits.Total = time.Minute + time.Duration(len(addresses))*5*time.Second
	for _, a := range addresses { // a transaction for each: none stands in the way of another
		target.Envelopes = append(target.Envelopes, probe.Envelope{From: t.o.From, Rcpts: []string{a}})
	}
	s := t.smtp.Converse(ctx, target)
	t.result.Sessions++
	t.meet(s)
	for i, a := range addresses {
		steps := s.Envelope(i)
		if len(steps) == 0 {
			break
		}
		last := steps[len(steps)-1]
		if steps[0].Err != nil { // without MAIL, what follows is out of order
			last = steps[0]
		}
		if last.Err != nil && last.Reply.Code == 0 || last.Reply.Code == 421 {
			break // it was not answered, or the host closes the channel (RFC 5321, 3.8)
		}
		answer := answerOf(a, last)
		t.answers[a] = answer
		answers++
		if t.o.Observe != nil {
			t.o.Observe(answer)
		}
	}
	t.why = ""
	if answers < len(addresses) {
		t.why = whyOf(s)
	}
	return answers
}

// meet keeps what the first conversation that got anywhere shows of the host.
func (t *trial) meet(s probe.Session) {
	if t.result.Connected || !s.Connected() {
		return
	}
	t.result.Connected = true
	t.result.TLS = s.TLS
	if s.TLS == nil {
		t.result.TLSFault = tlsFault(s)
	}
	if size, ok := s.Extension("SIZE"); ok {
		t.result.Size = number(size)
	}
}

func tlsFault(s probe.Session) string {
	for _, stage := range []probe.Stage{probe.StageTLS, probe.StageSTARTTLS} {
		if step, ok := s.Step(stage); ok && step.Err != nil {
			return step.Err.Error()
		}
	}
	if !s.Done(probe.StageEHLO) {
		return ""
	}
	return "STARTTLS is not offered"
}

// number is digits as a number; 0 for what is none, or too large.
func number(text string) int64 {
	var n int64
	for _, c := range strings.TrimSpace(text) {
		if c < '0' || c > '9' || n > 1<<50 {
			return 0
		}
		n = 10*n + int64(c-'0')
	}
	return n
}

// whyOf is why a conversation answered less than it was asked.
func whyOf(s probe.Session) string {
	for _, step := range s.Steps {
		if step.Reply.Code == 421 && step.Stage != probe.StageQuit {
			return "the host closed the connection: " + said(step.Reply)
		}
	}
	if s.Err != nil {
		return s.Err.Error()
	}
	return "the conversation ended early"
}

// answerOf is what the last step of an envelope says of its recipient.
func answerOf(address string, step probe.Step) Answer {
	a := Answer{Address: address, Reply: said(step.Reply)}
	meaning, _ := replies.Explain(replies.Reply{Code: step.Reply.Code, Enhanced: step.Reply.Enhanced, Text: step.Reply.String()})
	switch {
	case step.Err == nil && step.Stage == probe.StageRcpt:
		a.Verdict = Taken
	case step.Reply.Code/100 == 4:
		a.Verdict = Later
		a.Greylisted = meaning.Kind == replies.Greylisted || strings.Contains(strings.ToLower(a.Reply), "greylist") || strings.Contains(strings.ToLower(a.Reply), "graylist")
	case step.Reply.Code/100 == 5 && step.Stage == probe.StageRcpt && aboutMailbox(step.Reply):
		a.Verdict = Refused
	case step.Reply.Code/100 == 5:
		a.Verdict = Denied
	default:
		a.Reason = "the host answered out of turn"
	}
	return a
}

// aboutMailbox reports whether a refusal of RCPT is about the mailbox. One that says
// nothing is: the transaction was open, and the recipient is all that was new. One
// that speaks of the domain, the way or the sender is not (RFC 3463, 3.2 and 3.8).
func aboutMailbox(r probe.Reply) bool {
	text := strings.ToLower(r.String())
	for _, words := range []string{"relay", "rcpthosts", "not permitted", "access denied", "client host", "blocked", "blacklist", "blocklist", "sender", "reverse dns", "helo"} {
		if strings.Contains(text, words) {
			return false
		}
	}
	switch code := r.Enhanced; {
	case code == "5.1.7", code == "5.1.8": // of the sender
		return false
	case strings.HasPrefix(code, "5.7."):
		return false
	}
	return true
}

// said is a reply, not too much of it.
func said(r probe.Reply) string {
	const most = 300
	text := r.String()
	return text[:min(len(text), most)]
}

// wait pauses, and reports whether there is time to go on.
func wait(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
