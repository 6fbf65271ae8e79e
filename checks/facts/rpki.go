package facts

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/probe"
)

// A ROAState is what route origin validation makes of an announcement
// (RFC 6811, 2), with the two ways to be invalid told apart.
type ROAState string

const (
	ROAValid         ROAState = "valid"
	ROANotFound      ROAState = "unknown"        // nobody authorises or forbids it
	ROAInvalidOrigin ROAState = "invalid_asn"    // other networks may announce the prefix, this one may not
	ROAInvalidLength ROAState = "invalid_length" // this network may announce shorter prefixes only
)

// A ROA is the part of a route origin authorisation that counts (RFC 9582).
type ROA struct {
	Origin    ASN
	Prefix    netip.Prefix
	MaxLength int // the longest prefix within Prefix that may be announced, in bits
}

// String is "192.0.2.0/24 up to /24 by AS64500".
func (r ROA) String() string {
	return fmt.Sprintf("%s up to /%d by %s", r.Prefix, r.MaxLength, r.Origin)
}

// A Validity is what route origin validation says of one announcement.
type Validity struct {
	Prefix netip.Prefix
	Origin ASN
	Addrs  []netip.Addr // of the examination, which the announcement leads to
	State  ROAState
	ROAs   []ROA // those that cover the prefix
	Fetch  probe.Fetch
	Err    error // why it is not known
}

// Validities is what is known of the routes to the addresses.
type Validities struct {
	Off     string     // why nothing was asked; empty if something was
	List    []Validity // an announcement each
	Omitted int        // announcements beyond the bound
}

const (
	maxValidities = 6        // announcements that are asked about
	atOnce        = 2        // requests; RIPEstat takes 8 at once from one address, and others examine too
	maxStat       = 64 << 10 // octets of an answer
	statHost      = "stat.ripe.net"
)

// RouteValidity is the fact of what route origin validation says of the routes
// to the addresses of Networks, told by the validator behind RIPEstat:
// https://stat.ripe.net/docs/02.data-api/rpki-validation.html
var RouteValidity = checks.NewFact("the validity of the routes", func(ctx context.Context, env *checks.Env) (Validities, error) {
	var v Validities
	if env.HTTP == nil {
		v.Off = "HTTPS fetches are turned off"
		return v, nil
	}
	var wg sync.WaitGroup
	wg.Go(func() { Addresses(ctx, env, statHost+".") }) // while the routes are asked for
	networks, err := Networks.Of(ctx, env)
	if err != nil {
		wg.Wait()
		return v, err
	}
	v.plan(networks)
	v.ask(ctx, env)
	wg.Wait()
	return v, nil
})

// ask asks about the announcements, a few at a time. Once the service is out of
// reach it is not tried again, so that it holds nobody up for long.
func (v *Validities) ask(ctx context.Context, env *checks.Env) {
	var down error
	for batch := range slices.Chunk(v.List, atOnce) {
		var wg sync.WaitGroup
		for i := range batch {
			r := &batch[i]
			if down != nil {
				r.fail(down)
				continue
			}
			wg.Go(func() { r.ask(ctx, env) })
		}
		wg.Wait()
		for _, r := range batch {
			if r.Fetch.Err != nil && down == nil {
				down = r.Fetch.Err
			}
		}
	}
}

// plan lists the announcements, each once.
func (v *Validities) plan(networks []Network) {
	for _, n := range networks {
		for _, origin := range n.Route.Origins {
			i := slices.IndexFunc(v.List, func(o Validity) bool { return o.Prefix == n.Route.Prefix && o.Origin == origin })
			switch {
			case i >= 0:
				v.List[i].Addrs = append(v.List[i].Addrs, n.Addrs...)
			case len(v.List) == maxValidities:
				v.Omitted++
			default:
				v.List = append(v.List, Validity{Prefix: n.Route.Prefix, Origin: origin, Addrs: slices.Clone(n.Addrs)})
			}
		}
	}
}

func (v *Validity) ask(ctx context.Context, env *checks.Env) {
	v.Fetch = Fetch(ctx, env, probe.Request{URL: v.url(), Accept: "application/json", MaxBody: maxStat, Limits: serviceLimits, Keep: time.Hour})
	body, err := document(v.Fetch)
	if err == nil {
		v.State, v.ROAs, err = ParseValidity(body, v.Prefix, v.Origin)
	}
	if err != nil {
		v.fail(err)
	}
}

func (v *Validity) fail(err error) {
	v.Err = fmt.Errorf("RIPEstat did not tell whether %s may announce %s: %w", v.Origin, v.Prefix, err)
}

// url names the announcement, and us, as RIPEstat asks of programs.
func (v *Validity) url() string {
	u := url.URL{Scheme: "https", Host: statHost, Path: "/data/rpki-validation/data.json"}
	u.RawQuery = "resource=" + strconv.FormatUint(uint64(v.Origin), 10) + "&prefix=" + v.Prefix.String() + "&sourceapp=maildoctor"
	return u.String()
}

// maxROAs bounds the authorisations of one prefix that are kept.
const maxROAs = 8

// ParseValidity reads an answer of RIPEstat about an announcement. An answer about
// another one, and one in other words than those of ROAState, is an error.
func ParseValidity(body []byte, prefix netip.Prefix, origin ASN) (ROAState, []ROA, error) {
	var answer struct {
		Status string `json:"status"`
		Data   struct {
			Resource json.RawMessage `json:"resource"`
			Prefix   netip.Prefix    `json:"prefix"`
			Status   ROAState        `json:"status"`
			ROAs     []struct {
				Origin    json.RawMessage `json:"origin"`
				Prefix    netip.Prefix    `json:"prefix"`
				MaxLength int             `json:"max_length"`
			} `json:"validating_roas"`
		} `json:"data"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return "", nil, err
	}
	data := answer.Data
	about, _ := number(data.Resource)
	switch {
	case answer.Status != "ok":
		return "", nil, fmt.Errorf("the status of the answer is %q", answer.Status)
	case about != origin || data.Prefix != prefix:
		return "", nil, fmt.Errorf("the answer is about %s and %s", about, data.Prefix)
	case !slices.Contains([]ROAState{ROAValid, ROANotFound, ROAInvalidOrigin, ROAInvalidLength}, data.Status):
		return "", nil, fmt.Errorf("the answer is %q", data.Status)
	}
	var roas []ROA
	for _, r := range data.ROAs {
		if n, err := number(r.Origin); err == nil && r.Prefix.IsValid() && r.MaxLength >= r.Prefix.Bits() && r.MaxLength <= r.Prefix.Addr().BitLen() {
			roas = append(roas, ROA{Origin: n, Prefix: r.Prefix, MaxLength: r.MaxLength})
		}
	}
	slices.SortFunc(roas, func(a, b ROA) int {
		return cmp.Or(a.Prefix.Addr().Compare(b.Prefix.Addr()), cmp.Compare(a.Prefix.Bits(), b.Prefix.Bits()), cmp.Compare(a.Origin, b.Origin), cmp.Compare(a.MaxLength, b.MaxLength))
	})
	return data.Status, roas[:min(len(roas), maxROAs)], nil
}

// number reads the number of a network, which is a string or a number, with AS
// in front of it or not. AS0 is one: a ROA with it allows nobody (RFC 7607).
func number(raw json.RawMessage) (ASN, error) {
	text := strings.TrimPrefix(strings.Trim(string(raw), `"`), "AS")
	n, err := strconv.ParseUint(text, 10, 32)
	return ASN(n), err
}
