package facts

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/probe"
)

const (
	// RefusedNetworksURL is Spamhaus' list of networks that are run by criminals or hijacked.
	// It is free for any use, and not to be fetched more than once an hour:
	// https://www.spamhaus.org/blocklists/drop-fair-use-policy/
	RefusedNetworksURL = "https://www.spamhaus.org/drop/asndrop.json"
	maxDrop            = 1 << 20 // octets; it has some hundred entries of about 100
)

// Refused is the networks that nobody shall talk to.
type Refused struct {
	Off   string           // why the list was not fetched; empty if it was
	By    map[ASN]Operator // those on the list
	AsOf  time.Time        // of the list; zero where it does not say
	Fetch probe.Fetch
}

// RefusedNetworks is the fact of the networks on Spamhaus' ASN-DROP list. It is
// fetched for examinations of addresses only, as it is not to be fetched often.
// Its error is why the list could not be had or read.
var RefusedNetworks = checks.NewFact("the list of refused networks", func(ctx context.Context, env *checks.Env) (Refused, error) {
	var r Refused
	if env.HTTP == nil {
		r.Off = "HTTPS fetches are turned off"
		return r, nil
	}
	r.Fetch = Fetch(ctx, env, probe.Request{URL: RefusedNetworksURL, MaxBody: maxDrop, Limits: serviceLimits, Keep: 24 * time.Hour})
	body, err := document(r.Fetch)
	if err != nil {
		return r, fmt.Errorf("the list of refused networks (Spamhaus ASN-DROP) could not be had: %w", err)
	}
	r.By, r.AsOf, err = ParseASNDrop(body)
	if err != nil {
		return r, fmt.Errorf("the list of refused networks (Spamhaus ASN-DROP) cannot be read: %w", err)
	}
	return r, nil
})

// serviceLimits bounds a fetch from a service that is asked beside the domain.
var serviceLimits = probe.FetchTimeouts{Connect: 5 * time.Second, Total: 10 * time.Second}

// document is the body of a response that has all of one.
func document(f probe.Fetch) ([]byte, error) {
	switch {
	case f.Err != nil:
		return nil, f.Err
	case f.TLS == nil || !f.TLS.Trusted() || f.TLS.NameFault != "":
		return nil, fmt.Errorf("GET %s: the certificate is not in order", f.URL)
	case f.Status != http.StatusOK:
		return nil, fmt.Errorf("GET %s: the answer is %s", f.URL, f.Reason)
	case f.Truncated:
		return nil, fmt.Errorf("GET %s: the answer is too long", f.URL)
	case f.Encoding() != "":
		return nil, fmt.Errorf("GET %s: the answer is encoded as %q", f.URL, f.Encoding())
	}
	return f.Body, nil
}

// ParseASNDrop reads Spamhaus' list: a JSON object after the other, one for each
// network ({"asn":64500,"cc":"ZZ","asname":"EXAMPLE"}) and one about the list
// ({"type":"metadata","timestamp":1763683200}). An error is that it is no such list.
func ParseASNDrop(body []byte) (map[ASN]Operator, time.Time, error) {
	byNumber := make(map[ASN]Operator)
	var asOf time.Time
	for entries := json.NewDecoder(bytes.NewReader(body)); ; {
		var e struct {
			ASN       ASN    `json:"asn"`
			CC        string `json:"cc"`
			Name      string `json:"asname"`
			Type      string `json:"type"`
			Timestamp int64  `json:"timestamp"`
		}
		err := entries.Decode(&e)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, asOf, err
		}
		switch {
		case e.Type == "metadata" && e.Timestamp > 0:
			asOf = time.Unix(e.Timestamp, 0).UTC()
		case e.ASN > 0:
			byNumber[e.ASN] = Operator{ASN: e.ASN, Name: clipped(e.Name), Country: country(e.CC)}
		}
	}
	if len(byNumber) == 0 {
		return nil, asOf, errors.New("it names no network")
	}
	return byNumber, asOf, nil
}
