package scenario

import (
	"cmp"
	"context"
	"time"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// A recordedStatement is one line of a statements section: what a name server
// said when it was asked itself.
type recordedStatement struct {
	Ask       string             `json:"ask"` // as Inquiry.String has it
	Inquiry   resolve.Inquiry    `json:"inquiry"`
	Took      time.Duration      `json:"took,omitzero"` // in ns, where it was long
	Statement *resolve.Statement `json:"statement,omitzero"`
	Error     *recordedError     `json:"error,omitzero"` // neither: nothing had come when the examination ended
}

func (s recordedStatement) compare(other recordedStatement) int {
	return cmp.Or(s.Inquiry.Server.Compare(other.Inquiry.Server), record.CompareNames(s.Inquiry.Name, other.Inquiry.Name), cmp.Compare(s.Ask, other.Ask))
}

type inquire func(context.Context, resolve.Inquiry) (resolve.Statement, error)

func (i inquire) Inquire(ctx context.Context, q resolve.Inquiry) (resolve.Statement, error) {
	return i(ctx, q)
}

// Servers is next, with what name servers say recorded.
func (r *Recorder) Servers(next checks.Servers) checks.Servers {
	if next == nil {
		return nil
	}
	return inquire(func(ctx context.Context, q resolve.Inquiry) (resolve.Statement, error) {
		line := recordedStatement{Ask: q.String(), Inquiry: q}
		keep := func() {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.said[q] = line
		}
		keep()
		start := time.Now()
		s, err := next.Inquire(ctx, q)
		if err != nil {
			line.Error = writeError(err)
		} else {
			line.Statement = &s
		}
		if took := time.Since(start); took >= long {
			line.Took = took
		}
		keep()
		return s, err
	})
}

// servers is the name servers of the recording; nil if nobody asked them.
func (r *recording) servers() checks.Servers {
	if r.said == nil {
		return nil
	}
	return inquire(r.inquire)
}

// inquire says what the server said when it was recorded.
func (r *recording) inquire(ctx context.Context, q resolve.Inquiry) (resolve.Statement, error) {
	line, ok := r.said[q]
	if line.Took > 0 {
		select {
		case <-time.After(min(line.Took, maxWait)):
		case <-ctx.Done():
		}
	}
	switch {
	case !ok:
		return resolve.Statement{}, &resolve.Error{Question: q.Question(), Kind: resolve.Unreachable, Detail: "not in the recording"}
	case line.Error != nil:
		return resolve.Statement{}, line.Error.read(q.Question())
	case line.Statement == nil:
		<-ctx.Done()
		return resolve.Statement{}, &resolve.Error{Question: q.Question(), Kind: resolve.Canceled, Err: ctx.Err()}
	}
	return *line.Statement, nil
}
