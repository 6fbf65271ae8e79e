package scenario

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/judge"
	"github.com/maildoctor/maildoctor/mta/spam"
	"github.com/maildoctor/maildoctor/policy"
	"github.com/maildoctor/maildoctor/probe"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// A Recorder keeps what an examination sees of the world, to be written as a
// scenario that plays it again.
type Recorder struct {
	mu       sync.Mutex
	answers  map[resolve.Question]recordedAnswer
	sessions map[string]recordedSession
	fetches  map[string]probe.Fetch // by URL
	proofs   map[resolve.Question]recordedProof
	said     map[resolve.Inquiry]recordedStatement
	given    *judge.Given
	filters  []spam.Answer
}

// Arrived notes what was given of how the message came that is examined, and what
// spam filters made of it.
func (r *Recorder) Arrived(g judge.Given, filters []spam.Answer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.given, r.filters = &g, filters
}

// NewRecorder returns a recorder that has seen nothing yet.
func NewRecorder() *Recorder {
	return &Recorder{
		answers:  make(map[resolve.Question]recordedAnswer),
		sessions: make(map[string]recordedSession),
		fetches:  make(map[string]probe.Fetch),
		proofs:   make(map[resolve.Question]recordedProof),
		said:     make(map[resolve.Inquiry]recordedStatement),
	}
}

// A recordedAnswer is one line of an answers section.
type recordedAnswer struct {
	Ask    string          `json:"ask"` // as Question.String has it
	Name   string          `json:"name"`
	Type   string          `json:"type"`
	At     string          `json:"at,omitzero"`
	Took   time.Duration   `json:"took,omitzero"` // in ns, where it was long
	Answer *resolve.Answer `json:"answer,omitzero"`
	Error  *recordedError  `json:"error,omitzero"` // neither: nothing had come when the examination ended
}

// A recordedError is a question without a conclusive answer.
type recordedError struct {
	Kind     string             `json:"kind"` // as Kind.String has it
	Server   string             `json:"server,omitzero"`
	Detail   string             `json:"detail,omitzero"`
	Extended []resolve.Extended `json:"extended,omitzero"`
}

// A recordedSession is one line of a sessions section.
type recordedSession struct {
	Target  probe.Target  `json:"target"` // as it was asked for
	Session probe.Session `json:"session"`
}

// long is how long an answer may take without it being a part of the world:
// somebody may have stopped waiting for it.
const long = time.Second

// DNS is next, with what it answers recorded. An answer that comes twice, as
// after its TTL, is recorded the first time.
func (r *Recorder) DNS(next resolve.Resolver) resolve.Resolver {
	return resolve.Func(func(ctx context.Context, q resolve.Question) (resolve.Answer, error) {
		line := recordedAnswer{Ask: q.String(), Name: q.Name, Type: q.Type, At: q.At}
		if !r.begin(q, line) {
			return next.Resolve(ctx, q)
		}
		start := time.Now()
		answer, err := next.Resolve(ctx, q)
		if err != nil {
			line.Error = writeError(err)
		} else {
			line.Answer = &answer
		}
		if took := time.Since(start); took >= long {
			line.Took = took
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.answers[q] = line
		return answer, err
	})
}

// begin notes that q is asked, and reports whether it is for the first time.
func (r *Recorder) begin(q resolve.Question, line recordedAnswer) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, again := r.answers[q]; again {
		return false
	}
	r.answers[q] = line
	return true
}

// SMTP is next, with its conversations recorded.
func (r *Recorder) SMTP(next checks.SMTP) checks.SMTP {
	if next == nil {
		return nil
	}
	return converse(func(ctx context.Context, target probe.Target) probe.Session {
		session := next.Converse(ctx, target)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.sessions[sessionKey(target)] = recordedSession{target, session}
		return session
	})
}

type converse func(context.Context, probe.Target) probe.Session

func (c converse) Converse(ctx context.Context, target probe.Target) probe.Session {
	return c(ctx, target)
}

// HTTP is next, with what it fetches recorded.
func (r *Recorder) HTTP(next checks.HTTP) checks.HTTP {
	if next == nil {
		return nil
	}
	return fetch(func(ctx context.Context, request probe.Request) probe.Fetch {
		f := next.Fetch(ctx, request)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.fetches[request.URL] = f
		return f
	})
}

type fetch func(context.Context, probe.Request) probe.Fetch

func (f fetch) Fetch(ctx context.Context, request probe.Request) probe.Fetch { return f(ctx, request) }

// sessionKey tells the conversations of an examination apart.
func sessionKey(t probe.Target) string {
	data, err := marshal(t)
	if err != nil {
		return fmt.Sprintf("%+v", t)
	}
	return string(data)
}

// times is what of a report depends on the clock, and on files, and not on the
// world.
type times struct {
	At        time.Time                `json:"at"`
	Took      time.Duration            `json:"took"`
	Questions int                      `json:"questions"`
	CutShort  bool                     `json:"cut_short,omitzero"`
	Checks    map[string]time.Duration `json:"checks"`
	Places    map[string][][]string    `json:"places,omitzero"` // of the findings of a check, in their order
}

// Scenario writes what was seen as a scenario in which env's domain is
// examined with the same wishes, and which plays back to the same report.
func (r *Recorder) Scenario(env *checks.Env, report diagnosis.Report) ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a := &txtar.Archive{Comment: r.comment(env, report)}
	add := func(name string, lines [][]byte) {
		a.Files = append(a.Files, txtar.File{Name: name, Data: append(bytes.Join(lines, []byte("\n")), '\n')})
	}
	answers, err := linesOf(r.answers, func(x, y recordedAnswer) int {
		return cmp.Or(record.CompareNames(x.Name, y.Name), cmp.Compare(x.Type, y.Type), cmp.Compare(x.At, y.At))
	})
	if err != nil {
		return nil, err
	}
	add("answers", answers)
	if env.SMTP != nil {
		sessions, err := linesOf(r.sessions, func(x, y recordedSession) int {
			return cmp.Compare(sessionKey(x.Target), sessionKey(y.Target))
		})
		if err != nil {
			return nil, err
		}
		add("sessions", sessions)
	}
	if env.HTTP != nil {
		fetches, err := linesOf(r.fetches, func(x, y probe.Fetch) int { return cmp.Compare(x.URL, y.URL) })
		if err != nil {
			return nil, err
		}
		add("fetches", fetches)
	}
	if env.Security != nil {
		proofs, err := linesOf(r.proofs, recordedProof.compare)
		if err != nil {
			return nil, err
		}
		add("proofs", proofs)
	}
	if env.Servers != nil {
		said, err := linesOf(r.said, recordedStatement.compare)
		if err != nil {
			return nil, err
		}
		add("statements", said)
	}
	if env.Local != nil {
		line, err := marshal(env.Local)
		if err != nil {
			return nil, err
		}
		add("local", [][]byte{line})
	}
	if env.Message != nil {
		add(quotedMessage, quoteMessage(env.Message.Raw))
		if lines, wanted := r.envelope(env); wanted {
			add(envelopeSection, lines)
		}
		if err := r.writeFilters(add); err != nil {
			return nil, err
		}
	}
	clock := times{At: report.At, Took: report.Took, Questions: report.Questions, CutShort: report.CutShort, Checks: make(map[string]time.Duration)}
	for _, result := range report.Results {
		clock.Checks[result.Rule.ID] = result.Took
		if places := placesOf(result); places != nil {
			if clock.Places == nil {
				clock.Places = make(map[string][][]string)
			}
			clock.Places[result.Rule.ID] = places
		}
	}
	line, err := marshal(clock)
	if err != nil {
		return nil, err
	}
	add("times", [][]byte{line})
	var want [][]byte
	for _, l := range verdict(env, report) {
		want = append(want, []byte(l))
	}
	add("want", want)
	return txtar.Format(a), nil
}

// writeFilters writes what filters answered, a line each.
func (r *Recorder) writeFilters(add func(string, [][]byte)) error {
	var lines [][]byte
	for _, a := range r.filters {
		line, err := marshal(a)
		if err != nil {
			return err
		}
		lines = append(lines, line)
	}
	if len(lines) > 0 {
		add("filters", lines)
	}
	return nil
}

// verdict is the want section of the recording.
func verdict(env *checks.Env, report diagnosis.Report) []string {
	var s Scenario
	if env.Subject() == checks.Addresses {
		s.Policies = []policy.Policy{policy.Address()}
	}
	return s.Verdict(report.Results)
}

// placesOf is where in zone files the records of each finding stand; nil where
// none stands in one.
func placesOf(r diagnosis.Result) [][]string {
	any := false
	places := make([][]string, len(r.Findings))
	for i, f := range r.Findings {
		places[i] = f.Places
		any = any || len(f.Places) > 0
	}
	if !any {
		return nil
	}
	return places
}

func (r *Recorder) comment(env *checks.Env, report diagnosis.Report) []byte {
	var b bytes.Buffer
	set := func(key, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%s: %s\n", key, value)
		}
	}
	fmt.Fprintf(&b, "Recorded by maildoctor: what an examination saw, to be played again.\n")
	if env.Subject() == checks.Addresses {
		set("address", joinAddrs(env.Want.Senders))
	} else {
		set("domain", report.Domain)
		set("ips", joinAddrs(env.Want.Senders))
	}
	set("now", report.At.Format(time.RFC3339Nano))
	set("selectors", strings.Join(env.Want.Selectors, " "))
	set("helo", env.Want.HELO)
	set("mx", strings.Join(env.Want.MX, " "))
	set("dmarc", string(env.Want.DMARC))
	if env.Want.DQS {
		set("dqs", "on")
	}
	set("here", joinAddrs(env.Here))
	set("world", "recorded")
	if env.Want.Private {
		set("private", "on")
	}
	if !env.Want.RelayTest {
		set("relay-test", "off")
	}
	if !env.Want.Intrusive {
		set("intrusive", "off")
	}
	if env.SMTP == nil {
		set("smtp", "off")
	}
	if env.HTTP == nil {
		set("https", "off")
	}
	if !env.Lab {
		set("lab", "off")
	}
	b.WriteByte('\n')
	return b.Bytes()
}

func joinAddrs(addrs []netip.Addr) string {
	var list []string
	for _, a := range addrs {
		list = append(list, a.String())
	}
	return strings.Join(list, " ")
}

// linesOf is the values of m in order, each on a line of JSON.
func linesOf[K comparable, V any](m map[K]V, compare func(V, V) int) ([][]byte, error) {
	values := make([]V, 0, len(m))
	for _, v := range m {
		values = append(values, v)
	}
	slices.SortFunc(values, compare)
	lines := make([][]byte, len(values))
	for i, v := range values {
		var err error
		if lines[i], err = marshal(v); err != nil {
			return nil, err
		}
	}
	return lines, nil
}
