package cmd

import (
	"context"
	"crypto"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/maildoctor/maildoctor/mailauth/dkim"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// A publishedKey is what the DNS has at a selector, held against a key.
type publishedKey struct {
	match dkim.Match
	why   string // empty with dkim.Same
	texts []string
	ttl   time.Duration // how long resolvers keep it
	err   error         // why it could not be told
	alone bool          // there is no key to hold it against; it is judged by itself
}

func (p publishedKey) differs() bool { return p.err == nil && p.match != dkim.Same }

// matchNames are what JSON calls them.
var matchNames = map[dkim.Match]string{
	dkim.Same: "same", dkim.Absent: "absent", dkim.Another: "another",
	dkim.Withdrawn: "withdrawn", dkim.Unusable: "unusable", dkim.Several: "several",
}

// state is how it is, in one word.
func (p publishedKey) state() string {
	if p.err != nil {
		return "unknown"
	}
	return matchNames[p.match]
}

// says is how it is, for people.
func (p publishedKey) says() string {
	switch {
	case p.err != nil:
		return fmt.Sprintf("could not be told: %v", p.err)
	case p.match == dkim.Same && p.alone:
		return fmt.Sprintf("yes; resolvers keep it for %s", spoken(p.ttl))
	case p.match == dkim.Same:
		return fmt.Sprintf("yes, the record holds this very key; resolvers keep it for %s", spoken(p.ttl))
	case p.match == dkim.Absent:
		return fmt.Sprintf("no: %s; resolvers may remember that for %s", p.why, spoken(p.ttl))
	}
	return "no: " + p.why
}

// spoken is a duration without the zeros at its end: "1h", "5m".
func spoken(d time.Duration) string {
	s := d.Round(time.Second).String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(s, zero) {
			s = s[:len(s)-2]
		}
	}
	return s
}

// askFlags are the flags of commands that look whether a key is published.
type askFlags struct {
	offline bool
	dns     examFlags // of which only the resolvers count
}

func (f *askFlags) add(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.offline, "offline", false, "do not look whether the key is published")
	f.dns.resolverFlag(cmd)
}

// ask holds what is published against every key whose name is known.
func (f askFlags) ask(ctx context.Context, keys []signingKey) error {
	if f.offline {
		return nil
	}
	return f.with(ctx, func(ctx context.Context, dns resolve.Resolver) { lookUp(ctx, dns, keys) })
}

// with lets use ask the DNS, for a while.
func (f askFlags) with(ctx context.Context, use func(context.Context, resolve.Resolver)) error {
	options, err := resolvers(f.dns.resolvers)
	if err != nil {
		return err
	}
	const enough = 30 * time.Second
	limited, cancel := context.WithTimeout(ctx, enough)
	defer cancel()
	client := resolve.NewClient(options)
	defer client.Close()
	use(limited, resolve.NewMemo(limited, resolve.NewLimit(client, resolve.DefaultInFlight)))
	return ctx.Err() // that time is up is told of each key
}

// lookUp asks for all keys at once.
func lookUp(ctx context.Context, dns resolve.Resolver, keys []signingKey) {
	var all sync.WaitGroup
	for i := range keys {
		if k := &keys[i]; k.fault == "" && k.named() {
			all.Go(func() { k.published = publishedAt(ctx, dns, k.domain, k.selector, k.public) })
		}
	}
	all.Wait()
}

// publishedKeyOf is the key that stands at a selector.
func publishedKeyOf(ctx context.Context, dns resolve.Resolver, domain, selector string) signingKey {
	k := signingKey{domain: domain, selector: selector}
	answer, err := dns.Resolve(ctx, resolve.Ask(record.DKIMKey(selector, domain).Name, "TXT"))
	p := &publishedKey{texts: answer.Texts(), ttl: answer.TTL, err: err, alone: true}
	k.published = p
	if err == nil {
		if len(p.texts) == 1 {
			key, _ := dkim.ParseKey(p.texts[0]) // Compare tells of its problems
			k.public = key.Public
		}
		p.match, p.why = dkim.Compare(p.texts, k.public)
	}
	if k.public == nil {
		k.fault = p.says()
	} else if err := k.judge(); err != nil {
		k.notes = append(k.notes, "the record "+err.Error())
	}
	return k
}

// publishedAt holds what stands at a selector against a key.
func publishedAt(ctx context.Context, dns resolve.Resolver, domain, selector string, public crypto.PublicKey) *publishedKey {
	answer, err := dns.Resolve(ctx, resolve.Ask(record.DKIMKey(selector, domain).Name, "TXT"))
	p := &publishedKey{texts: answer.Texts(), ttl: answer.TTL, err: err}
	if err == nil {
		p.match, p.why = dkim.Compare(p.texts, public)
	}
	return p
}
