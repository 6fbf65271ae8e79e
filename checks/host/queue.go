package host

import (
	"context"
	"fmt"
	"time"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/local"
)

const (
	// longQueue is more messages than wait on a small host that works.
	longQueue = 100
	// fresh is how long messages may be under way without anything being wrong:
	// receivers that greylist want to be asked again.
	fresh = time.Hour
)

// Queue: mail leaves.
var Queue = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "host.queue",
		Title:    "The mail queue of this host is short",
		Severity: diagnosis.Warning,
		Why:      "Mail that waits is mail that somebody misses. A queue that grows is often the first sign of a listing, of a receiver that throttles you, or of an account that was broken into and sends spam.",
		Doc: `On the mail host itself (--local), the messages that wait are counted: those that postqueue -j lists, or exim -bpr, or the files in the spool of a container. Addresses and subjects are not looked at. More than 100 are a warning, unless the oldest of them has waited for less than an hour: a newsletter on its way is no trouble. Mail is tried again for days (RFC 5321, 4.5.4.1), so some always waits.

To find out why, look at the reasons: postqueue -p shows one for each message, exim -bp and the main log likewise. All to one receiver: read what its server says. All from one account: change its password, and delete what it sent (postsuper -d). All refused: see what dnsbl and spf say here.`,
		Refs: []diagnosis.Ref{{Name: "RFC 5321, 4.5.4.1"}, {Name: "postqueue(1)", URL: "https://www.postfix.org/postqueue.1.html"}},
	},
	Of:  checks.Hosts,
	Run: queue,
})

func queue(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	var v diagnosis.Verdict
	in, err := facts.Local.Of(ctx, env)
	if err != nil || open(&v, in, local.Queues, len(in.Queues) > 0, "no mail queue is known on this host") {
		return v, err
	}
	for _, q := range in.Queues {
		text := waiting(q)
		if q.Count <= longQueue || q.Oldest > 0 && q.Oldest < fresh {
			saw(&v, q.Source, "%s", text)
			continue
		}
		v.Findings = append(v.Findings, diagnosis.Finding{
			Subject: q.Source, Severity: diagnosis.Warning,
			Message:  fmt.Sprintf("in the queue of %s %s", q.Source, text),
			Evidence: []diagnosis.Evidence{{Question: "queue of " + q.Source, Answer: text}},
			Remedy:   diagnosis.Remedy{Steps: look(q)},
		})
	}
	return v, nil
}

// waiting is a queue in words.
func waiting(q local.Queue) string {
	count := fmt.Sprint(q.Count)
	if q.AtLeast {
		count = "more than " + count
	}
	text := count + " messages wait"
	if q.Count == 1 {
		text = "1 message waits"
	}
	if q.Oldest > 0 {
		text += ", the oldest for " + span(q.Oldest)
	}
	return text
}

// span is a time in its largest unit.
func span(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%d days", d/(24*time.Hour))
	case d >= 2*time.Hour:
		return fmt.Sprintf("%d hours", d/time.Hour)
	}
	return fmt.Sprintf("%d minutes", d/time.Minute)
}

func look(q local.Queue) []string {
	command := "postqueue -p"
	if q.Source == "Exim" {
		command = "exim -bp"
	}
	return []string{
		"See why messages wait: " + command + " shows the reason or names the message for the log.",
		"If one account sent most of them, change its password and delete what it sent.",
	}
}
