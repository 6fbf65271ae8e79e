package cmd

import (
	"context"
	"math"
	"time"

	"github.com/maildoctor/maildoctor/resolve"
)

// nameServers asks name servers themselves, none of them more than a few things
// at once, whatever many domains ask; observe, if not nil, is told of each.
func nameServers(next resolve.Inquirer, observe func(resolve.Event)) resolve.Inquirer {
	if observe != nil {
		next = observed{next, observe}
	}
	return resolve.NewInquiries(next, math.MaxInt, resolve.DefaultAtOnce)
}

// observed tells an observer of every inquiry, when it has ended.
type observed struct {
	next    resolve.Inquirer
	observe func(resolve.Event)
}

func (o observed) Inquire(ctx context.Context, q resolve.Inquiry) (resolve.Statement, error) {
	start := time.Now()
	s, err := o.next.Inquire(ctx, q)
	o.observe(resolve.Event{
		Question: q.Question(), Answer: resolve.Answer{Question: q.Question(), Server: q.Server.String()},
		Err: err, Start: start, Took: time.Since(start),
	})
	return s, err
}
