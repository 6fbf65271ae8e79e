package dmarc

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// A zone is DMARC texts by domain, as world has them, and domains that exist.
// A domain "!" of exists is one whose existence cannot be found out.
type zone struct {
	*world
	exists []string
}

func (z zone) Resolve(ctx context.Context, q resolve.Question) (resolve.Answer, error) {
	if q.Type == "TXT" {
		return z.world.Resolve(ctx, q)
	}
	if slices.Contains(z.exists, "!"+record.Display(q.Name)) {
		return resolve.Answer{}, &resolve.Error{Question: q, Kind: resolve.Timeout, Detail: "\x1b[2J"}
	}
	return resolve.Answer{Question: q, Exists: slices.Contains(z.exists, record.Display(q.Name))}, nil
}

func judge(t *testing.T, texts map[string][]string, exists []string, in Input) Result {
	t.Helper()
	return Evaluate(t.Context(), zone{&world{texts: texts}, exists}, in)
}

func spfPass(domain string) SPF { return SPF{Result: "pass", Domain: domain} }

func sig(result, domain string) []DKIM {
	return []DKIM{{Result: result, Domain: domain, Selector: "s1"}}
}

func from(domains ...string) []string { return domains }

const (
	pNone   = "v=DMARC1; p=none"
	pReject = "v=DMARC1; p=reject"
)

func TestEvaluate(t *testing.T) {
	tests := []struct {
		name   string
		texts  map[string][]string
		exists []string
		in     Input
		want   string // by RFC 9989: "pass", "fail (reject)"
		legacy string // by RFC 7489
	}{
		{"nothing published", nil, nil, Input{Authors: from("example.org"), SPF: spfPass("example.org")}, "none", "none"},
		{"no author", nil, nil, Input{}, "none", "none"},
		{"an author that is no name", nil, nil, Input{Authors: from("a b")}, "none", "none"},

		// The examples of RFC 7489, B.1.1 and B.1.2 (RFC 9989, B.1): SPF and DKIM,
		// in alignment by name, by organizational domain, and out of it.
		{"B.1.1 example 1: SPF in alignment", map[string][]string{"example.com": {pReject}}, nil, Input{Authors: from("example.com"), SPF: spfPass("example.com")}, "pass", "pass"},
		{"B.1.1 example 2: SPF in alignment, parent", map[string][]string{"child.example.com": {pReject}, "example.com": {pReject}}, nil, Input{Authors: from("child.example.com"), SPF: spfPass("example.com")}, "pass", "pass"},
		{"B.1.1 example 3: SPF not in alignment", map[string][]string{"child.example.com": {pReject}, "example.com": {pReject}}, nil, Input{Authors: from("child.example.com"), SPF: spfPass("example.net")}, "fail (reject)", "fail (reject)"},
		{"B.1.2 example 1: DKIM in alignment", map[string][]string{"example.com": {pReject}}, nil, Input{Authors: from("example.com"), DKIM: sig("pass", "example.com")}, "pass", "pass"},
		{"B.1.2 example 2: DKIM in alignment, parent", map[string][]string{"example.com": {pReject}}, nil, Input{Authors: from("child.example.com"), DKIM: sig("pass", "example.com")}, "pass", "pass"},
		{"B.1.2 example 3: DKIM not in alignment", map[string][]string{"example.com": {pReject}}, nil, Input{Authors: from("child.example.com"), DKIM: sig("pass", "sample.net")}, "fail (reject)", "fail (reject)"},

		{"strict SPF wants the very name", map[string][]string{"example.com": {pReject + "; aspf=s"}}, nil, Input{Authors: from("example.com"), SPF: spfPass("bounce.example.com")}, "fail (reject)", "fail (reject)"},
		{"strict DKIM does not bind SPF", map[string][]string{"example.com": {pReject + "; adkim=s"}}, nil, Input{Authors: from("example.com"), SPF: spfPass("bounce.example.com")}, "pass", "pass"},
		{"strict and the same, but for case and dot", map[string][]string{"example.com": {pReject + "; adkim=s; aspf=s"}}, nil, Input{Authors: from("Example.COM."), DKIM: sig("pass", "EXAMPLE.com")}, "pass", "pass"},
		{"U-label and A-label", map[string][]string{"xn--mnchen-3ya.example": {pReject}}, nil, Input{Authors: from("xn--mnchen-3ya.example"), DKIM: sig("pass", "münchen.example")}, "pass", "pass"},
		{"only what passed counts", map[string][]string{"example.com": {pReject}}, nil, Input{Authors: from("example.com"), SPF: SPF{Result: "softfail", Domain: "example.com"}, DKIM: sig("fail", "example.com")}, "fail (reject)", "fail (reject)"},
		{"one aligned signature of several is enough", map[string][]string{"example.com": {pReject}}, nil,
			Input{Authors: from("example.com"), DKIM: append(sig("pass", "esp.example.net"), sig("pass", "mail.example.com")...)}, "pass", "pass"},
		{"null reverse-path, HELO in alignment", map[string][]string{"example.com": {pReject}}, nil, Input{Authors: from("example.com"), SPF: SPF{Result: "pass", Domain: "mx.example.com", HELO: true}}, "pass", "pass"},
		{"HELO is an address literal", map[string][]string{"example.com": {pReject}}, nil, Input{Authors: from("example.com"), SPF: SPF{Result: "pass", Domain: "[192.0.2.1]", HELO: true}}, "fail (reject)", "fail (reject)"},

		// The readings part where records stand at several levels.
		{"psd=n cuts the subdomain off", map[string][]string{"dept.example.com": {pReject + "; psd=n"}, "example.com": {pReject}}, nil, Input{Authors: from("dept.example.com"), DKIM: sig("pass", "example.com")}, "fail (reject)", "pass"},
		{"psd=n joins what is below", map[string][]string{"dept.example.com": {pReject + "; psd=n"}}, nil, Input{Authors: from("a.dept.example.com"), DKIM: sig("pass", "b.dept.example.com")}, "pass", "none"},
		{"psd=y above: tenants are apart", map[string][]string{"example.com": {pNone + "; psd=y"}, "a.example.com": {pReject}}, nil, Input{Authors: from("a.example.com"), DKIM: sig("pass", "b.example.com")}, "fail (reject)", "pass"},
		{"psd=y on a suffix the list has", map[string][]string{"bank": {pReject + "; psd=y"}}, []string{"a.example.bank"}, Input{Authors: from("a.example.bank"), SPF: spfPass("example.bank")}, "pass", "none"},
		{"psd=y and a stranger under the suffix", map[string][]string{"bank": {pReject + "; psd=y"}}, []string{"example.bank"}, Input{Authors: from("example.bank"), SPF: spfPass("evil.bank")}, "fail (reject)", "none"},
		{"a private suffix that publishes nothing", map[string][]string{"github.io": {pReject}}, []string{"a.github.io"}, Input{Authors: from("a.github.io"), DKIM: sig("pass", "b.github.io")}, "pass", "none"},

		{"sp for what exists", map[string][]string{"example.com": {pReject + "; sp=quarantine; np=reject"}}, []string{"a.example.com"}, Input{Authors: from("a.example.com")}, "fail (quarantine)", "fail (quarantine)"},
		{"np for what does not", map[string][]string{"example.com": {pNone + "; sp=quarantine; np=reject"}}, nil, Input{Authors: from("a.example.com")}, "fail (reject)", "fail (quarantine)"},
		{"np and no answer", map[string][]string{"example.com": {pNone + "; sp=quarantine; np=reject"}}, []string{"!a.example.com"}, Input{Authors: from("a.example.com")}, "temperror", "fail (quarantine)"},
		{"np like sp needs no answer", map[string][]string{"example.com": {pNone + "; sp=reject; np=reject"}}, []string{"!a.example.com"}, Input{Authors: from("a.example.com")}, "fail (reject)", "fail (reject)"},
		{"t=y", map[string][]string{"example.com": {pReject + "; t=y"}}, nil, Input{Authors: from("example.com")}, "fail (quarantine)", "fail (reject)"},
		{"pct in the sample", map[string][]string{"example.com": {pReject + "; pct=20"}}, nil, Input{Authors: from("example.com"), Sample: 19}, "fail (reject)", "fail (reject)"},
		{"pct out of it", map[string][]string{"example.com": {pReject + "; pct=20"}}, nil, Input{Authors: from("example.com"), Sample: 20}, "fail (reject)", "fail (quarantine)"},
		{"pct=0", map[string][]string{"example.com": {"v=DMARC1; p=quarantine; pct=0"}}, nil, Input{Authors: from("example.com")}, "fail (quarantine)", "fail (none)"},

		{"two records are none", map[string][]string{"example.com": {pReject, pNone}}, nil, Input{Authors: from("example.com")}, "none", "none"},
		{"no policy, but reports: p=none", map[string][]string{"example.com": {"v=DMARC1; rua=mailto:d@example.com"}}, nil, Input{Authors: from("example.com")}, "fail (none)", "fail (none)"},
		{"no policy and no reports", map[string][]string{"example.com": {"v=DMARC1; aspf=s"}}, nil, Input{Authors: from("example.com")}, "permerror", "permerror"},
		{"the policy cannot be asked for", map[string][]string{"example.com": {"!"}}, nil, Input{Authors: from("example.com"), SPF: spfPass("example.com")}, "temperror", "temperror"},

		// RFC 9989, 5.3.6; RFC 7489, 6.6.2.
		{"an aligned temperror keeps the policy off", map[string][]string{"example.com": {pReject}}, nil, Input{Authors: from("example.com"), DKIM: sig("temperror", "example.com")}, "temperror", "temperror"},
		{"a stranger's temperror does not", map[string][]string{"example.com": {pReject}}, nil, Input{Authors: from("example.com"), DKIM: sig("temperror", "example.net")}, "fail (reject)", "fail (reject)"},
		{"a pass beside a temperror", map[string][]string{"example.com": {pReject}}, nil, Input{Authors: from("example.com"), SPF: SPF{Result: "temperror", Domain: "example.com"}, DKIM: sig("pass", "example.com")}, "pass", "pass"},
		{"an identifier whose organizational domain is open", map[string][]string{"example.com": {pReject}, "a.example.com": {"!"}}, nil, Input{Authors: from("example.com"), SPF: spfPass("a.example.com")}, "temperror", "pass"},
		{"an author whose organizational domain is open", map[string][]string{"a.example.com": {pReject}, "example.com": {"!"}}, nil, Input{Authors: from("a.example.com"), SPF: spfPass("b.example.com")}, "temperror", "pass"},
		{"and yet it is the very name", map[string][]string{"a.example.com": {pReject}, "example.com": {"!"}}, nil, Input{Authors: from("a.example.com"), SPF: spfPass("a.example.com")}, "pass", "pass"},
		{"and yet a stranger is a stranger", map[string][]string{"a.example.com": {pReject}, "example.com": {"!"}}, nil, Input{Authors: from("a.example.com"), SPF: spfPass("example.net")}, "fail (reject)", "fail (reject)"},

		// Several author domains: RFC 9989, 11.5; RFC 7489, 6.6.1.
		{"the strictest of those that fail", map[string][]string{"example.com": {pNone}, "example.net": {pReject}, "example.org": {"v=DMARC1; p=quarantine"}}, nil, Input{Authors: from("example.com", "example.net", "example.org")}, "fail (reject)", "fail (reject)"},
		{"one passes, one fails", map[string][]string{"example.com": {pReject}, "example.net": {pReject}}, nil, Input{Authors: from("example.com", "example.net"), SPF: spfPass("example.com")}, "fail (reject)", "fail (reject)"},
		{"one passes, one has no policy", map[string][]string{"example.com": {pReject}}, nil, Input{Authors: from("example.net", "example.com"), SPF: spfPass("example.com")}, "pass", "pass"},
		{"the same twice is one", map[string][]string{"example.com": {pReject}}, nil, Input{Authors: from("example.com", "EXAMPLE.com."), SPF: spfPass("example.com")}, "pass", "pass"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := judge(t, tt.texts, tt.exists, tt.in)
			if got := r.RFC9989.String(); got != tt.want {
				t.Errorf("RFC 9989: %s, want %s\n%s", got, tt.want, strings.Join(r.RFC9989.Trace(), "\n"))
			}
			if got := r.RFC7489.String(); got != tt.legacy {
				t.Errorf("RFC 7489: %s, want %s\n%s", got, tt.legacy, strings.Join(r.RFC7489.Trace(), "\n"))
			}
			if r.Agree() != (tt.want == tt.legacy) {
				t.Errorf("Agree = %v", r.Agree())
			}
			for _, v := range []Verdict{r.RFC9989, r.RFC7489} {
				if v.Cause == "" {
					t.Errorf("%s: no cause", v.Reading)
				}
			}
		})
	}
}

func TestEvaluateSeveralAuthors(t *testing.T) {
	texts := map[string][]string{"example.com": {pNone}, "example.net": {pReject}}
	v := judge(t, texts, nil, Input{Authors: from("example.com", "example.net")}).RFC9989
	if v.Author != "example.net." || len(v.Others) != 1 || v.Others[0].Author != "example.com." || v.Others[0].String() != "fail (none)" {
		t.Errorf("%s decides, others %+v", v.Author, v.Others)
	}
	var many []string
	for i := range 11 {
		many = append(many, fmt.Sprintf("d%d.example", i))
	}
	w := &world{}
	r := Evaluate(t.Context(), zone{world: w}, Input{Authors: many})
	if r.RFC9989.Code != PermError || r.RFC7489.Code != PermError || len(w.asked) > 0 {
		t.Errorf("%d authors: %s, %s, asked %q", len(many), r.RFC9989, r.RFC7489, w.asked)
	}
}

func TestTrace(t *testing.T) {
	texts := map[string][]string{"example.com": {"v=DMARC1; p=reject; sp=none; np=reject; adkim=s\x1b[31m"}}
	in := Input{Authors: from("news.example.com"), SPF: spfPass("bounce.example.net"), DKIM: append(sig("fail", "example.com"), sig("pass", "x y")...)}
	want := `author domain news.example.com, as RFC 9989 has it
TXT _dmarc.news.example.com: does not exist
TXT _dmarc.example.com: "v=DMARC1; p=reject; sp=none; np=reject; adkim=s\x1b[31m"
TXT _dmarc.com: does not exist
organizational domain example.com
policy reject (np) of example.com
A news.example.com: does not exist, so np holds
spf, "pass", relaxed: not aligned: the MAIL FROM domain bounce.example.net is not at or below example.com, the author's organizational domain
dkim "s1", "fail", relaxed: aligned: the signing domain example.com and the author domain news.example.com have the same organizational domain, example.com
  TXT _dmarc.example.com: "v=DMARC1; p=reject; sp=none; np=reject; adkim=s\x1b[31m"
  TXT _dmarc.com: does not exist
dkim "s1", "pass", relaxed: not aligned: "x y" is not a domain
fail: spf passed, but the MAIL FROM domain bounce.example.net is not at or below example.com, the author's organizational domain; dkim of example.com is aligned, but ended in "fail"; dkim passed, but "x y" is not a domain
disposition reject`
	if got := strings.Join(judge(t, texts, nil, in).RFC9989.Trace(), "\n"); got != want {
		t.Errorf("trace:\n%s\nwant:\n%s", got, want)
	}
}

func TestCauseIsEscaped(t *testing.T) {
	texts := map[string][]string{"example.com": {pNone + "; sp=quarantine; np=reject"}}
	v := judge(t, texts, []string{"!a.example.com"}, Input{Authors: from("a.example.com")}).RFC9989
	if all := v.Cause + strings.Join(v.Trace(), ""); strings.Contains(all, "\x1b") || !strings.Contains(v.Cause, "timed out (?[2J)") {
		t.Errorf("%q", all)
	}
}

// TestAsksLittle holds that what a stranger signs costs no question.
func TestAsksLittle(t *testing.T) {
	w := &world{texts: map[string][]string{"example.com": {pReject}}}
	in := Input{Authors: from("example.com"), SPF: spfPass("a.b.c.d.e.f.example.net"), DKIM: append(sig("pass", "x.y.z.example.org"), sig("pass", "example.com")...)}
	Evaluate(t.Context(), zone{world: w}, in)
	slices.Sort(w.asked)
	if want := []string{"_dmarc.com.", "_dmarc.example.com."}; !slices.Equal(w.asked, want) {
		t.Errorf("asked %q, want %q", w.asked, want)
	}
}

// TestStrictImpliesRelaxed: over random worlds, an identifier that is aligned
// under a strict record is aligned under the same record relaxed; and a message
// passes where, and only where, something passed and is aligned.
func TestStrictImpliesRelaxed(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	pick := func(list []string) string { return list[random.IntN(len(list))] }
	labels := []string{"a", "b", "mail"}
	name := func() string {
		n := pick([]string{"example.com", "example.co.uk", "co.uk", "github.io", "com"})
		for range random.IntN(3) {
			n = pick(labels) + "." + n
		}
		return n
	}
	results := []string{"pass", "pass", "fail", "temperror", "none"}
	for range 400 {
		relaxed, strict := map[string][]string{}, map[string][]string{}
		for range random.IntN(5) {
			domain, text := name(), pick([]string{pNone, pReject, pReject + "; psd=y", pReject + "; psd=n", "v=DMARC1; p=quarantine; np=reject"})
			relaxed[domain], strict[domain] = []string{text}, []string{text + "; aspf=s; adkim=s"}
		}
		in := Input{Authors: from(name()), SPF: SPF{Result: pick(results), Domain: name()}, DKIM: append(sig(pick(results), name()), sig(pick(results), name())...)}
		loose, tight := judge(t, relaxed, nil, in), judge(t, strict, nil, in)
		for _, pair := range [][2]Verdict{{tight.RFC9989, loose.RFC9989}, {tight.RFC7489, loose.RFC7489}} {
			for i, a := range pair[0].Alignments {
				if a.State == Aligned && pair[1].Alignments[i].State != Aligned {
					t.Fatalf("%+v: %s is aligned strictly, but not relaxed: %s", in, a.Domain, pair[1].Alignments[i].Why)
				}
			}
			if pair[0].Code == Pass && pair[1].Code != Pass {
				t.Fatalf("%+v: passes strictly, but relaxed it is %s", in, pair[1])
			}
			for _, v := range pair {
				applies := v.Record() != nil
				if got, want := v.Code == Pass, applies && len(v.Aligned()) > 0; got != want {
					t.Fatalf("%+v: %s with %d aligned that passed\n%s", in, v, len(v.Aligned()), strings.Join(v.Trace(), "\n"))
				}
				if v.Code != Fail && v.Disposition != None {
					t.Fatalf("%+v: %s and yet disposition %s", in, v.Code, v.Disposition)
				}
			}
		}
	}
}

// TestRelaxedAlignment holds, over random worlds, that what is left out to ask
// little makes no difference: two domains are aligned where the walks from both
// find the same organizational domain.
func TestRelaxedAlignment(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	pick := func(list ...string) string { return list[random.IntN(len(list))] }
	name := func() string {
		n := pick("example.com", "example.com", "example.net", "com")
		for range random.IntN(10) {
			n = pick("a", "b") + "." + n
		}
		return n
	}
	aligned := 0
	for range 1000 {
		texts := map[string][]string{}
		for range random.IntN(6) {
			texts[name()] = []string{pick(pNone, pReject, pReject+"; psd=y", pReject+"; psd=n")}
		}
		author, other := name(), name()
		v := judge(t, texts, nil, Input{Authors: from(author), SPF: spfPass(other)}).RFC9989
		w := &world{texts: texts}
		want := author == other || Discover(t.Context(), w, author).Organizational == Discover(t.Context(), w, other).Organizational
		if got := v.Alignments[0].State == Aligned; got != want {
			t.Fatalf("%v: %s and %s aligned: %v, want %v\n%s", texts, author, other, got, want, strings.Join(v.Trace(), "\n"))
		}
		if want && author != other {
			aligned++
		}
	}
	if aligned < 50 {
		t.Errorf("only %d of 1000 are aligned and not the same: the worlds are too poor", aligned)
	}
}

// FuzzEvaluate holds that names and results of any kind neither panic nor cost
// more questions than the bounds allow.
func FuzzEvaluate(f *testing.F) {
	f.Add("example.org", "mail.example.org", "pass", "v=DMARC1; p=reject; np=none", byte(255))
	f.Add("münchen.example", "a..b", "temperror", "!", byte(7))
	f.Add("a.b.c.d.e.f.g.h.i.example.org", "b.c.d.e.f.g.h.i.example.org", "pass", "v=DMARC1; p=none; psd=n", byte(85))
	f.Fuzz(func(t *testing.T, author, domain, result, text string, at byte) {
		if len(author)+len(domain) > 1000 {
			return
		}
		w := &sometimes{text: text, at: at}
		r := Evaluate(t.Context(), w, Input{Authors: from(author), SPF: SPF{Result: result, Domain: domain}, DKIM: sig(result, domain)})
		if len(w.asked) > 8+8+2+1 {
			t.Fatalf("asked %d questions: %q", len(w.asked), w.asked)
		}
		for _, v := range []Verdict{r.RFC9989, r.RFC7489} {
			for _, line := range v.Trace() {
				if strings.ContainsAny(line, "\x1b\n\r") {
					t.Fatalf("trace is not escaped: %q", line)
				}
			}
			if w.failed > 0 && v.Code == NoPolicy && v.Discovery.Policy == nil && len(v.Discovery.Undecided) > 0 {
				t.Fatalf("a failed question became none: %s", v.Cause)
			}
		}
	})
}
