package dmarc_test

import (
	"context"
	"fmt"

	"github.com/maildoctor/maildoctor/mailauth/dmarc"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// A shop sends through a service that signs with its own domain: nothing is
// aligned.
func ExampleEvaluate() {
	dns := resolve.Func(func(_ context.Context, q resolve.Question) (resolve.Answer, error) {
		a := resolve.Answer{Question: q, Exists: true}
		if q.Name == "_dmarc.shop.example." {
			a.Records = []record.Record{record.TXT(q.Name, "v=DMARC1; p=reject; pct=50")}
		}
		return a, nil
	})
	r := dmarc.Evaluate(context.Background(), dns, dmarc.Input{
		Authors: []string{"shop.example"},
		SPF:     dmarc.SPF{Result: "pass", Domain: "bounce.esp.example.net"},
		DKIM:    []dmarc.DKIM{{Result: "fail", Domain: "shop.example", Selector: "s1"}},
		Sample:  70,
	})
	for _, line := range r.RFC9989.Trace() {
		fmt.Println(line)
	}
	fmt.Println(r.RFC7489)
	// Output:
	// author domain shop.example, as RFC 9989 has it
	// TXT _dmarc.shop.example: "v=DMARC1; p=reject; pct=50"
	// TXT _dmarc.example: no policy record
	// organizational domain shop.example
	// policy reject (p) of shop.example
	// spf, "pass", relaxed: not aligned: the MAIL FROM domain bounce.esp.example.net is not at or below shop.example, the author's organizational domain
	// dkim "s1", "fail", relaxed: aligned: the signing domain shop.example is the author domain itself
	// fail: spf passed, but the MAIL FROM domain bounce.esp.example.net is not at or below shop.example, the author's organizational domain; dkim of shop.example is aligned, but ended in "fail"
	// disposition reject
	// fail (quarantine)
}
