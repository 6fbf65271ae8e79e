package scenario

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/local"
	"github.com/maildoctor/maildoctor/mta/spam"
	"github.com/maildoctor/maildoctor/probe"
	"github.com/maildoctor/maildoctor/resolve"
)

// A recording is the sections of a scenario that was recorded.
type recording struct {
	answers  map[resolve.Question]recordedAnswer
	sessions map[string]probe.Session
	fetches  map[string]probe.Fetch
	proofs   map[resolve.Question]recordedProof
	said     map[resolve.Inquiry]recordedStatement
	local    *local.Host
	times    *times
}

// Recorded reports whether the scenario is a recording of an examination.
func (s *Scenario) Recorded() bool { return s.recording.answers != nil }

// readRecording reads a section that a Recorder wrote; ok is false for others.
func (s *Scenario) readRecording(name, body string) (ok bool, err error) {
	switch name {
	case "answers":
		s.recording.answers = make(map[resolve.Question]recordedAnswer)
		err = eachJSON(body, func(line recordedAnswer) error {
			s.recording.answers[resolve.Question{Name: line.Name, Type: line.Type, At: line.At}] = line
			return nil
		})
	case "sessions":
		s.recording.sessions = make(map[string]probe.Session)
		err = eachJSON(body, func(line recordedSession) error {
			s.recording.sessions[sessionKey(line.Target)] = line.Session
			return nil
		})
	case "fetches":
		s.recording.fetches = make(map[string]probe.Fetch)
		err = eachJSON(body, func(line probe.Fetch) error {
			s.recording.fetches[line.URL] = line
			return nil
		})
	case "proofs":
		s.recording.proofs = make(map[resolve.Question]recordedProof)
		err = eachJSON(body, func(line recordedProof) error {
			s.recording.proofs[resolve.Ask(line.Name, line.Type)] = line
			return nil
		})
	case "statements":
		s.recording.said = make(map[resolve.Inquiry]recordedStatement)
		err = eachJSON(body, func(line recordedStatement) error {
			s.recording.said[line.Inquiry] = line
			return nil
		})
	case "local":
		err = eachJSON(body, func(host local.Host) error {
			s.recording.local = &host
			return nil
		})
	case "filters":
		err = eachJSON(body, func(line spam.Answer) error {
			s.Filters = append(s.Filters, line)
			return nil
		})
	case "times":
		err = eachJSON(body, func(line times) error {
			s.recording.times = &line
			return nil
		})
	default:
		return false, nil
	}
	return true, err
}

func eachJSON[T any](body string, do func(T) error) error {
	n := 0
	for line := range strings.Lines(body) {
		n++
		if strings.TrimSpace(line) == "" {
			continue
		}
		var v T
		if err := unmarshal([]byte(line), &v); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		if err := do(v); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
	return nil
}

// maxWait bounds what a recording can make a player wait for one answer.
const maxWait = time.Minute

// Resolve answers as the world did when it was recorded: what was slow is slow
// again, and what did not answer does not.
func (r *recording) Resolve(ctx context.Context, q resolve.Question) (resolve.Answer, error) {
	line, ok := r.answers[q]
	if line.Took > 0 {
		select {
		case <-time.After(min(line.Took, maxWait)):
		case <-ctx.Done():
		}
	}
	switch {
	case ok && line.Answer == nil && line.Error == nil:
		<-ctx.Done()
		return resolve.Answer{}, &resolve.Error{Question: q, Kind: resolve.Canceled, Err: ctx.Err()}
	case !ok:
		return resolve.Answer{}, &resolve.Error{Question: q, Kind: resolve.Unreachable, Detail: "not in the recording"}
	case line.Error != nil:
		return resolve.Answer{}, line.Error.read(q)
	}
	return *line.Answer, nil
}

// Converse holds the conversation that was recorded.
func (r *recording) Converse(_ context.Context, target probe.Target) probe.Session {
	if session, ok := r.sessions[sessionKey(target)]; ok {
		return session
	}
	err := &probe.Error{Stage: probe.StageConnect, Kind: probe.Other, Detail: "not in the recording"}
	return probe.Session{Target: target, Err: err, Steps: []probe.Step{{Stage: probe.StageConnect, Err: err}}}
}

// Fetch gets what was fetched when it was recorded.
func (r *recording) Fetch(_ context.Context, request probe.Request) probe.Fetch {
	if f, ok := r.fetches[request.URL]; ok {
		return f
	}
	err := &probe.Error{Stage: probe.StageConnect, Kind: probe.Other, Detail: "not in the recording"}
	return probe.Fetch{URL: request.URL, Err: err, Steps: []probe.FetchStep{{Stage: probe.StageConnect, Err: err}}}
}

// Retime gives a report of a recording played again the times of the recorded
// one, so that both are the same to the last octet.
func (s *Scenario) Retime(report diagnosis.Report) diagnosis.Report {
	t := s.recording.times
	if t == nil {
		return report
	}
	report.At, report.Took, report.Questions, report.CutShort = t.At, t.Took, t.Questions, t.CutShort
	results := make([]diagnosis.Result, len(report.Results))
	for i, r := range report.Results {
		r.Took = t.Checks[r.Rule.ID]
		if places := t.Places[r.Rule.ID]; len(places) == len(r.Findings) {
			r.Findings = slices.Clone(r.Findings)
			for j := range places {
				r.Findings[j].Places = places[j]
			}
		}
		results[i] = r
	}
	report.Results = results
	return report
}

// kinds is every kind of error, for reading them by name.
var kinds = [...]resolve.Kind{
	resolve.Timeout, resolve.ServFail, resolve.Refused, resolve.Lame, resolve.Malformed, resolve.Truncated,
	resolve.TooLarge, resolve.Chain, resolve.Unreachable, resolve.Budget, resolve.Canceled, resolve.Invalid,
}

func writeError(err error) *recordedError {
	var e *resolve.Error
	if !errors.As(err, &e) {
		return &recordedError{Kind: resolve.Unreachable.String(), Detail: err.Error()}
	}
	return &recordedError{Kind: e.Kind.String(), Server: e.Server, Detail: e.Detail, Extended: e.Extended}
}

func (e *recordedError) read(q resolve.Question) error {
	for _, kind := range kinds {
		if kind.String() == e.Kind {
			return &resolve.Error{Question: q, Kind: kind, Server: e.Server, Detail: e.Detail, Extended: e.Extended}
		}
	}
	return &resolve.Error{Question: q, Kind: resolve.Malformed, Detail: "the recording has an unknown kind of error: " + e.Kind}
}

// clock is the time of a recording: it stands still.
func (r *recording) clock() func() time.Time {
	at := r.times.At
	return func() time.Time { return at }
}
