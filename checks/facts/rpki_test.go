package facts

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/probe"
)

const validity = `{"status":"ok","data":{"resource":"64500","prefix":"192.0.2.0/24","status":"invalid_asn","validating_roas":[
{"origin":"64511","prefix":"192.0.2.0/24","validity":"invalid_asn","max_length":24},
{"origin":0,"prefix":"192.0.0.0/16","validity":"invalid_asn","max_length":16},
{"origin":"64496","prefix":"192.0.2.0/24","max_length":33},{"origin":"x","prefix":"192.0.2.0/24","max_length":24}]}}`

func TestParseValidity(t *testing.T) {
	prefix := netip.MustParsePrefix("192.0.2.0/24")
	state, roas, err := ParseValidity([]byte(validity), prefix, 64500)
	if err != nil || state != ROAInvalidOrigin || fmt.Sprint(roas) != "[192.0.0.0/16 up to /16 by AS0 192.0.2.0/24 up to /24 by AS64511]" {
		t.Errorf("%v, %v, %v", state, roas, err)
	}
	for _, resource := range []string{`"64500"`, `"AS64500"`, `64500`} {
		body := `{"status":"ok","data":{"resource":` + resource + `,"prefix":"192.0.2.0/24","status":"unknown"}}`
		if state, _, err := ParseValidity([]byte(body), prefix, 64500); err != nil || state != ROANotFound {
			t.Errorf("%s: %v, %v", body, state, err)
		}
	}
	for body, want := range map[string]string{
		"":                 "unexpected end",
		"<html>":           "invalid character",
		`{}`:               "the status of the answer is",
		`{"status":"ok"}`:  "the answer is about",
		`{"status":"bad"}`: `the status of the answer is "bad"`,
		`{"status":"ok","data":{"resource":"64500","prefix":"192.0.2.0/25","status":"valid"}}`:     "the answer is about AS64500 and 192.0.2.0/25",
		`{"status":"ok","data":{"resource":"64500","prefix":"192.0.2.0/24","status":"excellent"}}`: `the answer is "excellent"`,
		`{"status":"ok","data":{"resource":"64500","prefix":"nowhere","status":"valid"}}`:          "nowhere",
	} {
		if _, _, err := ParseValidity([]byte(body), prefix, 64500); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", body, err, want)
		}
	}
}

// outage is an HTTP that reaches nobody, and counts who tried.
type outage struct{ tried atomic.Int32 }

func (o *outage) Fetch(_ context.Context, r probe.Request) probe.Fetch {
	o.tried.Add(1)
	return probe.Fetch{URL: r.URL, Err: &probe.Error{Stage: probe.StageConnect, Detail: "no way"}}
}

// TestRouteValidityGivesUp: a service that is out of reach is not tried again
// and again, and nothing is told of any route.
func TestRouteValidityGivesUp(t *testing.T) {
	var v Validities
	for i := range maxValidities {
		v.List = append(v.List, Validity{Prefix: netip.MustParsePrefix("192.0.2.0/24"), Origin: ASN(64500 + i)})
	}
	web := &outage{}
	v.ask(t.Context(), &checks.Env{HTTP: web})
	if n := web.tried.Load(); n != atOnce {
		t.Errorf("tried %d times", n)
	}
	for _, r := range v.List {
		if r.Err == nil || !strings.Contains(r.Err.Error(), r.Origin.String()) || r.State != "" {
			t.Errorf("%v: %v", r.Origin, r.Err)
		}
	}
}

func FuzzParseValidity(f *testing.F) {
	f.Add([]byte(validity))
	f.Add([]byte(`{"status":"ok","data":{"resource":64500,"prefix":"192.0.2.0/24","status":"valid","validating_roas":null}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		state, roas, err := ParseValidity(body, netip.MustParsePrefix("192.0.2.0/24"), 64500)
		if err == nil && state == "" || len(roas) > maxROAs {
			t.Errorf("%v, %v", state, roas)
		}
		for _, r := range roas {
			if !r.Prefix.IsValid() || r.MaxLength < r.Prefix.Bits() || r.MaxLength > 128 {
				t.Errorf("%+v", r)
			}
		}
	})
}
