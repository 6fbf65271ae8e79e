package daemon

import (
	"context"
	"log/slog"
	"slices"
	"strconv"
	"strings"

	"github.com/maildoctor/maildoctor/judge"
	"github.com/maildoctor/maildoctor/mta"
	"github.com/maildoctor/maildoctor/mta/deliver"
	"github.com/maildoctor/maildoctor/mta/queue"
	"github.com/maildoctor/maildoctor/mta/smtpd"
	"github.com/maildoctor/maildoctor/mta/spool"
	"github.com/maildoctor/maildoctor/record"
)

// A logger writes what happens to a log. Texts from the network go into it as
// values, which both forms of log/slog escape; no secret goes into it at all.
type logger struct{ *slog.Logger }

// maxLogged bounds a text from the network, in octets.
const maxLogged = 400

func clip(text string) string {
	if len(text) > maxLogged {
		return strings.ToValidUTF8(text[:maxLogged], "") + "…"
	}
	return text
}

// ended tells what was odd about a session; that it was there smtpd tells.
func (l logger) ended(s *smtpd.Session) {
	if len(s.Noted) == 0 {
		return
	}
	var notes []string
	for _, n := range s.Noted {
		if text := string(n.Kind); !slices.Contains(notes, text) {
			notes = append(notes, text)
		}
	}
	l.Info("oddities of a client", "port", s.Port.String(), "client", s.Remote.Addr(), "helo", clip(s.HELO), "noted", strings.Join(notes, ","))
}

// judged tells what a message from outside is worth.
func (l logger) judged(m *smtpd.Mail, j judge.Judgement) {
	l.Info("judged", "id", m.ID, "from", m.Envelope.From, "client", j.Envelope.Client, "results", clip(j.Summary()), "fate", string(j.Fate))
}

// arrived tells of a message in a mailbox.
func (l logger) arrived(a mta.Arrival) {
	id := ""
	if a.Mail != nil {
		id = a.Mail.ID
	}
	if a.Test {
		l.Info("in the test mailbox", "id", id, "recipient", a.Rcpt)
		return
	}
	l.Info("in the mailbox", "id", id, "recipient", a.Rcpt, "mailbox", a.Box, "folder", a.Folder)
}

// attempted tells of an attempt to deliver.
func (l logger) attempted(e spool.Envelope, r deliver.Report) {
	for _, result := range r.Results {
		level := slog.LevelInfo
		if result.Status != deliver.Delivered {
			level = slog.LevelWarn
		}
		l.Log(context.Background(), level, "delivery", "id", e.ID, "recipient", result.Addr, "status", result.Status.String(), "host", record.Display(result.Host), "ip", result.IP,
			"via", result.Via, "reply", clip(deliveryReply(result)), "route", clip(r.Route), "took", r.Took)
	}
	for _, s := range r.Sessions {
		for _, step := range s.Own() {
			l.Debug("conversation", "id", e.ID, "ip", s.Target.Addr, "stage", step.Stage.String(), "command", clip(step.Command), "reply", clip(strings.Join(step.Reply.Lines, " ")), "took", step.Took)
		}
	}
}

func deliveryReply(r deliver.Result) string {
	text := strings.ReplaceAll(r.Text, "\n", " ")
	if r.Code == 0 {
		return text
	}
	return strings.TrimSpace(strings.Join([]string{strconv.Itoa(r.Code), r.Enhanced, text}, " "))
}

// observed tells what the queue does.
func (l logger) observed(e queue.Event) {
	switch e.What {
	case queue.Queued:
		l.Info("queued", "id", e.ID)
	case queue.Deferred:
		l.Info("deferred", "id", e.ID, "recipient", e.Rcpt, "next", e.Next)
	case queue.Bounced:
		l.Warn("failed for good", "id", e.ID, "recipient", e.Rcpt, "reply", clip(e.Reply.Text))
	case queue.Told:
		l.Info("the sender is told", "id", e.ID)
	case queue.Down:
		l.Warn("no host of the destination can be reached; mail for it waits", "destination", e.Destination, "until", e.Next)
	case queue.Removed:
		l.Debug("done", "id", e.ID)
	case queue.Trouble:
		l.Error("trouble with the queue", "id", e.ID, "error", e.Err)
	}
}
