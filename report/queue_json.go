package report

import (
	"io"
)

// Schemas of the mail queue, in the field "schema".
const (
	QueueSchema       = "maildoctor.queue/v1"
	QueueShowSchema   = "maildoctor.queue-message/v1"
	QueueActionSchema = "maildoctor.queue-action/v1"
)

type (
	wireQueue struct {
		Schema   string          `json:"schema"`
		At       string          `json:"at"`
		Running  bool            `json:"running"` // a server told it; else it was read from the spool
		Total    int             `json:"total"`
		Matching int             `json:"matching"`
		Messages []wireQueued    `json:"messages"`
		Broken   []wireIDAndWhat `json:"broken"`
		Aside    wireAside       `json:"aside"`
	}
	wireAside struct {
		Dir     string `json:"dir"` // empty: there is nothing
		Entries int    `json:"entries"`
	}
	wireQueued struct {
		ID         string          `json:"id"`
		State      string          `json:"state"`
		From       string          `json:"from"` // empty: the null reverse-path
		Received   string          `json:"received"`
		Size       int64           `json:"size"`
		Next       string          `json:"next"`
		Until      string          `json:"until"`
		Recipients []wireQueueRcpt `json:"recipients"`
		Total      int             `json:"recipients_total"`
		Waiting    int             `json:"recipients_waiting"`
		Delayed    bool            `json:"delayed"`
		Auth       string          `json:"auth"`
		Client     string          `json:"client"`
		HELO       string          `json:"helo"`
		TLS        string          `json:"tls"`
		RequireTLS bool            `json:"requiretls"`
	}
	wireQueueRcpt struct {
		Addr     string          `json:"addr"`
		Status   string          `json:"status"`
		Attempts int             `json:"attempts"`
		Tried    string          `json:"tried"`
		Next     string          `json:"next"`
		Maybe    bool            `json:"maybe"`
		Reply    *wireQueueReply `json:"reply"`
	}
	wireQueueReply struct {
		Code     int    `json:"code"`
		Enhanced string `json:"enhanced"`
		Text     string `json:"text"`
		Host     string `json:"host"`
		At       string `json:"at"`
		Kind     string `json:"kind"`
		Plain    string `json:"plain"`
		Do       string `json:"do"`
		Link     string `json:"link"`
	}
	wireIDAndWhat struct {
		ID  string `json:"id"`
		Why string `json:"why"`
	}
)

// QueueJSON writes a list of the queue for a program. Times are in UTC, empty where
// there is none; arrays are never null.
func QueueJSON(w io.Writer, l QueueList) error {
	return writeJSON(w, wireQueue{
		Schema: QueueSchema, At: stamp(l.At), Running: l.Running, Total: l.Total, Matching: l.Matching, Messages: each(l.Messages, toQueued),
		Broken: each(l.Broken, toBroken), Aside: wireAside{text(l.AsideDir), l.Aside},
	})
}

func toBroken(b QueueBroken) wireIDAndWhat { return wireIDAndWhat{text(b.ID), text(b.Why)} }

func toQueued(m QueueMessage) wireQueued {
	return wireQueued{
		ID: text(m.ID), State: text(m.State), From: text(m.From), Received: stamp(m.Received), Size: m.Size, Next: stamp(m.Next), Until: stamp(m.Until),
		Recipients: each(m.Rcpts, toQueueRcpt), Total: m.Total, Waiting: m.Waiting, Delayed: m.Delayed,
		Auth: text(m.Auth), Client: text(m.Client), HELO: text(m.HELO), TLS: text(m.TLS), RequireTLS: m.RequireTLS,
	}
}

func toQueueRcpt(r QueueRcpt) wireQueueRcpt {
	out := wireQueueRcpt{Addr: text(r.Addr), Status: text(r.Status), Attempts: r.Attempts, Tried: stamp(r.Tried), Next: stamp(r.Next), Maybe: r.Maybe}
	if r.Reply != nil {
		out.Reply = &wireQueueReply{
			r.Reply.Code, text(r.Reply.Enhanced), text(r.Reply.Text), text(r.Reply.Host), stamp(r.Reply.At),
			text(r.Reply.Kind), text(r.Reply.Plain), text(r.Reply.Do), text(r.Reply.Link),
		}
	}
	return out
}

// QueueShowJSON writes a message of the queue for a program.
func QueueShowJSON(w io.Writer, d QueueDetail) error {
	return writeJSON(w, struct {
		Schema  string `json:"schema"`
		At      string `json:"at"`
		Running bool   `json:"running"`
		wireQueued
		Path   string `json:"path"`
		Header string `json:"header"`
		Cut    bool   `json:"header_cut"`
	}{QueueShowSchema, stamp(d.At), d.Running, toQueued(d.QueueMessage), text(d.Path), text(d.Header), d.Cut})
}

// QueueActionJSON writes for a program what an action came to.
func QueueActionJSON(w io.Writer, d QueueDone) error {
	return writeJSON(w, struct {
		Schema  string          `json:"schema"`
		Action  string          `json:"action"`
		Running bool            `json:"running"`
		IDs     []string        `json:"ids"`
		Failed  []wireIDAndWhat `json:"failed"`
		Broken  []wireIDAndWhat `json:"broken"`
	}{QueueActionSchema, d.Action, d.Running, each(d.IDs, text), each(d.Failed, func(f QueueFailure) wireIDAndWhat { return wireIDAndWhat{text(f.ID), text(f.Why)} }), each(d.Broken, toBroken)})
}
