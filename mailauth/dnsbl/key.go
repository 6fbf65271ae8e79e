package dnsbl

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// keyLabel stands in names where the key of the user belongs. Whoever asks, keeps
// or shows names sees it; only WithKey puts the key in its place.
const keyLabel = "dqs-key"

// spamhausKeyed is what the names of Spamhaus' lists by key end in.
const spamhausKeyed = "dq.spamhaus.net."

// ParseKey reads a key of the Spamhaus Data Query Service: one label of letters
// and digits. The error does not repeat what was given.
func ParseKey(text string) (string, error) {
	key := strings.ToLower(strings.TrimSpace(text))
	if len(key) < 8 || len(key) > 63 || strings.Trim(key, "abcdefghijklmnopqrstuvwxyz0123456789") != "" {
		return "", errors.New("that is no key of the Spamhaus Data Query Service: it has letters and digits alone, 26 of them")
	}
	return key, nil
}

// Keyed is the lists of Default with those of Spamhaus asked by key: it answers
// through every resolver then.
func Keyed() []Zone {
	var zones []Zone
	for _, z := range Default() {
		if z.Operator != "Spamhaus" {
			zones = append(zones, z)
		}
	}
	for i, z := range slices.DeleteFunc(spamhausZones(), func(z Zone) bool { return z.Need != NeedKey || z.Tier != TierA }) {
		z.Name, z.Need = keyLabel+"."+z.Name, NeedNothing
		zones = slices.Insert(zones, i, z)
	}
	return zones
}

// ByKey reports whether the zone is asked by the user's key.
func (z Zone) ByKey() bool { return strings.HasPrefix(z.Name, keyLabel+".") }

// AllowLists returns the lists on which standing helps.
func AllowLists() []Zone {
	return slices.DeleteFunc(All(), func(z Zone) bool { return z.Tier != TierAllow })
}

// WithKey returns a resolver that asks next with key where names of Spamhaus'
// lists have a mark in its place, and puts the mark back into whatever comes
// from there, errors included: the key is in no answer.
func WithKey(next resolve.Resolver, key string) resolve.Resolver {
	// DNS names have no case, and a server may send back any.
	secrets := regexp.MustCompile("(?i)" + regexp.QuoteMeta(key))
	without := func(text string) string { return secrets.ReplaceAllLiteralString(text, keyLabel) }
	return resolve.Func(func(ctx context.Context, q resolve.Question) (resolve.Answer, error) {
		prefix, zone, ok := strings.Cut(q.Name, "."+keyLabel+".")
		if !ok || !record.Within(zone, spamhausKeyed) {
			return next.Resolve(ctx, q)
		}
		secret := q
		secret.Name = prefix + "." + key + "." + zone
		answer, err := next.Resolve(ctx, secret)
		answer.Question = q
		answer.Records = redacted(answer.Records, without)
		answer.Chain = redacted(answer.Chain, without)
		return answer, redact(err, q, without)
	})
}

// redacted is records without the key, in name and data, whatever its case.
func redacted(records []record.Record, without func(string) string) []record.Record {
	out := slices.Clone(records)
	for i := range out {
		out[i].Name, out[i].Data = without(out[i].Name), without(out[i].Data)
	}
	return out
}

// redact is err without the key. What it wraps is kept only where it is the end
// of the context, which holds no names.
func redact(err error, q resolve.Question, without func(string) string) error {
	if err == nil {
		return nil
	}
	var e *resolve.Error
	if !errors.As(err, &e) {
		return &resolve.Error{Question: q, Kind: resolve.KindOf(err), Detail: without(err.Error()), Err: ended(err)}
	}
	clean := *e
	clean.Question, clean.Detail, clean.Err = q, without(e.Detail), ended(e.Err)
	clean.Extended = slices.Clone(e.Extended)
	for i := range clean.Extended {
		clean.Extended[i].Text = without(clean.Extended[i].Text)
	}
	return &clean
}

func ended(err error) error {
	for _, end := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, end) {
			return end
		}
	}
	return nil
}
