package dmarc

import (
	"context"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// Bounds on what one message can make a receiver ask.
const (
	maxAuthors    = 10
	maxSignatures = 20
)

// Evaluate judges a message by both readings. Questions that both need are asked
// once. It never fails: where the DNS gives no answer, the code is temperror.
func Evaluate(ctx context.Context, dns resolve.Resolver, in Input) Result {
	dns = resolve.NewMemo(ctx, dns)
	var r Result
	readings := []evaluation{{RFC9989, dns, in, &r.RFC9989}, {RFC7489, dns, in, &r.RFC7489}}
	atOnce(len(readings), func(i int) { *readings[i].into = readings[i].message(ctx) })
	return r
}

type evaluation struct {
	reading Reading
	dns     resolve.Resolver
	in      Input
	into    *Verdict
}

// message judges every author domain and takes the gravest verdict: of several
// domains the strictest policy among the checks that fail (RFC 9989, 11.5, which
// 5.3.1 allows; RFC 7489, 6.6.1).
func (e evaluation) message(ctx context.Context) Verdict {
	authors, bad := domains(e.in.Authors)
	switch {
	case len(authors) == 0 && bad > 0:
		return e.none("the author domain is not a name that the DNS can hold")
	case len(authors) == 0:
		return e.none("there is no author domain") // RFC 9989, 5.3.1
	case len(authors) > maxAuthors:
		v := e.none(fmt.Sprintf("the From field names %d domains; no more than %d are looked at", len(authors), maxAuthors))
		v.Code = PermError
		return v
	}
	verdicts := make([]Verdict, len(authors))
	atOnce(len(authors), func(i int) { verdicts[i] = e.author(ctx, authors[i]) })
	gravest := 0
	for i, v := range verdicts {
		if v.graver(verdicts[gravest]) {
			gravest = i
		}
	}
	v := verdicts[gravest]
	if len(verdicts) > 1 {
		v.Others = append(verdicts[:gravest:gravest], verdicts[gravest+1:]...)
		v.Cause = fmt.Sprintf("of %d author domains %s decides: %s", len(verdicts), record.Display(v.Author), v.Cause)
	}
	return v
}

func (e evaluation) none(cause string) Verdict {
	return Verdict{Reading: e.reading, Code: NoPolicy, Cause: cause, Disposition: None, Percent: 100}
}

// graver reports whether v decides before o.
func (v Verdict) graver(o Verdict) bool {
	if v.Disposition != o.Disposition {
		return v.Disposition.Strength() > o.Disposition.Strength()
	}
	return gravity[v.Code] > gravity[o.Code]
}

// author judges the message for one author domain.
func (e evaluation) author(ctx context.Context, author string) Verdict {
	v := e.none("")
	v.Author = author
	if e.reading == RFC9989 {
		v.Discovery = Discover(ctx, e.dns, author)
	} else {
		v.Discovery = Discover7489(ctx, e.dns, author)
	}
	v.Relation = v.Discovery.Relation
	e.alignments(ctx, &v)
	found := v.Discovery.Policy
	switch {
	case len(v.Discovery.Undecided) > 0:
		return v.end(TempError, "the policy of %s could not be found out: %s", record.Display(author), said(v.Discovery.Undecided[0]))
	case found == nil:
		return v.end(NoPolicy, "no policy record applies to %s%s", record.Display(author), discarded(v.Discovery))
	case !found.Record.Applies():
		return v.end(PermError, "the record at _dmarc.%s cannot be used: it has no valid policy and no address for reports", record.Display(found.Domain))
	}
	v.Requested, v.Tag = found.Record.Stated(e.known(v.Relation))
	e.decide(ctx, &v)
	return v
}

func (v Verdict) end(code Code, format string, args ...any) Verdict {
	v.Code, v.Cause = code, fmt.Sprintf(format, args...)
	return v
}

// known is the relation as the reading tells it: that of 2015 knows no np.
func (e evaluation) known(r Relation) Relation {
	if e.reading == RFC7489 && r == NonExistent {
		return Subdomain
	}
	return r
}

// discarded names a domain that has several records, which count as none.
func discarded(d Discovery) string {
	for _, s := range d.Steps {
		if len(s.Texts) > 1 && !s.Beyond {
			return fmt.Sprintf("; %s has %d records, and several count as none", record.Display(s.Domain), len(s.Texts))
		}
	}
	return ""
}

// decide comes to a result where a policy applies (RFC 9989, 5.3.5, 5.3.6; RFC
// 7489, 6.6.2).
func (e evaluation) decide(ctx context.Context, v *Verdict) {
	if list := v.Aligned(); len(list) > 0 {
		*v = v.end(Pass, "%s passed, and %s", list[0].Mechanism, list[0].Why)
		return
	}
	// A question without an answer matters only where its identifier is or may be
	// aligned; else a stranger's signature under a broken domain would switch the
	// policy off.
	for _, a := range v.Alignments {
		if a.open() {
			*v = v.end(TempError, "%s of %s could not be told, and it may be what makes the message pass", a.Mechanism, record.Display(a.Domain))
			return
		}
	}
	if e.reading == RFC9989 {
		e.exists(ctx, v)
		if v.Existence != nil && v.Existence.Err != nil {
			*v = v.end(TempError, "whether %s exists could not be found out, so it is open whether sp or np holds: %s", record.Display(v.Author), said(v.Existence.Err))
			return
		}
	}
	*v = v.end(Fail, "%s", v.failure())
	e.dispose(v)
}

// exists tells a subdomain that does not exist, where that makes a difference.
func (e evaluation) exists(ctx context.Context, v *Verdict) {
	r := v.Record()
	below, _ := r.Stated(Subdomain)
	gone, _ := r.Stated(NonExistent)
	if v.Relation != Subdomain || below == gone {
		return
	}
	question := resolve.Ask(v.Author, "A")
	answer, err := e.dns.Resolve(ctx, question)
	answer.Question = question
	v.Existence = &Existence{Answer: answer, Err: err}
	if err == nil && !answer.Exists {
		v.Relation = NonExistent
		v.Requested, v.Tag = r.Stated(NonExistent)
	}
}

// dispose sets what is to be done with a message that fails.
func (e evaluation) dispose(v *Verdict) {
	r := v.Record()
	if e.reading == RFC9989 {
		v.Disposition = r.InForce(v.Relation)
		return
	}
	policy, rest, percent := r.Legacy(v.Relation)
	v.Disposition, v.Percent = policy, percent
	if e.in.Sample >= percent {
		v.Disposition = rest
	}
}

// failure says in words why nothing made the message pass.
func (v Verdict) failure() string {
	if len(v.Alignments) == 0 {
		return "there is no SPF result and no signature"
	}
	var texts []string
	for _, a := range v.Alignments {
		texts = append(texts, a.failure())
		if len(texts) == 4 && len(v.Alignments) > 4 {
			texts = append(texts, fmt.Sprintf("and %d more", len(v.Alignments)-4))
			break
		}
	}
	return strings.Join(texts, "; ")
}

// domains are the names of a list as the DNS holds them, each once; bad counts
// those that are none.
func domains(list []string) (names []string, bad int) {
	seen := map[string]bool{}
	for _, s := range list {
		name, ok := domainName(s)
		if !ok {
			bad++
			continue
		}
		if !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	return names, bad
}

// domainName is a domain of a message as it is asked: in A-labels (RFC 9989,
// 5.3.1), canonical.
func domainName(s string) (string, bool) {
	s = strings.TrimSuffix(s, ".")
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			name, err := record.ParseDomain(s)
			return name, err == nil && !strings.ContainsAny(s, "@/")
		}
	}
	if len(s) > 253 {
		return "", false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || strings.IndexFunc(label, notInLabel) >= 0 {
			return "", false
		}
	}
	return record.Canonical(s), true
}

func notInLabel(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_')
}

// said is an error without the control characters that a server may have put
// into its text.
func said(err error) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == utf8.RuneError {
			return '?'
		}
		return r
	}, err.Error())
}
