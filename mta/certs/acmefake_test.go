package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// An acmeServer is the least of an ACME authority (RFC 8555) that still looks at what
// it is sent: signatures, nonces, which are good once, and the challenges. One order
// is for one host. What it does not do is in the test of pebble.
type acmeServer struct {
	t     *testing.T
	ca    *authority
	web   *httptest.Server
	offer []string          // kinds of challenges
	at    map[string]string // where they are answered

	mu      sync.Mutex
	nonces  map[string]bool
	n       int // of whatever
	key     *ecdsa.PublicKey
	thumb   string
	orders  map[string]*order
	limited bool // too many orders
	refused int  // requests for their nonce
	issued  int
	stale   bool // certificates are old when they are issued

	external External // that accounts have to be bound to; zero: none
}

type order struct {
	host, token, status, reason string
	chain                       string
}

func newACMEServer(t *testing.T, by *Authority, offer ...string) *acmeServer {
	s := &acmeServer{t: t, ca: newAuthority(t), offer: offer, nonces: map[string]bool{}, orders: map[string]*order{}}
	s.at = map[string]string{"http-01": by.HTTP, "tls-alpn-01": by.ALPN}
	s.web = httptest.NewTLSServer(s)
	t.Cleanup(s.web.Close)
	by.Directory, by.Agreed, by.Roots = s.web.URL+"/dir", true, x509.NewCertPool()
	by.Roots.AddCert(s.web.Certificate())
	return s
}

func (s *acmeServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n++
	nonce := fmt.Sprint("nonce-", s.n)
	s.nonces[nonce] = true
	w.Header().Set("Replay-Nonce", nonce)
	url := s.web.URL
	switch {
	case r.URL.Path == "/dir":
		answer(w, 200, map[string]any{"newNonce": url + "/nonce", "newAccount": url + "/account", "newOrder": url + "/order", "meta": map[string]any{"termsOfService": url + "/terms"}})
		return
	case r.URL.Path == "/nonce":
		return
	}
	payload, why := s.opened(r)
	if why != "" {
		problem(w, 400, why)
		return
	}
	_, id, _ := strings.Cut(r.URL.Path[1:], "/")
	o := s.orders[id]
	switch what := strings.Split(r.URL.Path, "/")[1]; {
	case what == "account":
		s.account(w, payload)
	case what == "order" && id == "":
		s.order(w, payload)
	case o == nil:
		problem(w, 404, "malformed")
	case what == "order":
		s.show(w, 200, id, o)
	case what == "authz":
		answer(w, 200, map[string]any{"status": o.status, "identifier": dns(o.host), "challenges": s.challenges(id, o)})
	case strings.HasPrefix(what, "challenge-"):
		if o.status == "pending" {
			o.status = "valid"
			if o.reason = s.validate(strings.TrimPrefix(what, "challenge-"), o); o.reason != "" {
				o.status = "invalid"
			}
		}
		answer(w, 200, s.challenges(id, o)[0])
	case what == "finalize":
		s.finalize(w, payload, id, o)
	case what == "cert":
		w.Header().Set("Content-Type", "application/pem-certificate-chain")
		io.WriteString(w, o.chain)
	}
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body)
}

func problem(w http.ResponseWriter, status int, kind string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]any{"type": "urn:ietf:params:acme:error:" + kind, "detail": "a test says " + kind, "status": status})
}

func dns(host string) map[string]string { return map[string]string{"type": "dns", "value": host} }

func raw(text string) []byte {
	b, _ := base64.RawURLEncoding.DecodeString(text)
	return b
}

// opened is what a request says, if it is signed by the account, for this URL, with a
// nonce that is good (RFC 8555, 6). Every third good one is refused.
func (s *acmeServer) opened(r *http.Request) (payload []byte, why string) {
	var jws signed
	var head struct {
		Alg, Nonce, URL, Kid string
		JWK                  *struct{ Crv, Kty, X, Y string }
	}
	if json.NewDecoder(r.Body).Decode(&jws) != nil || json.Unmarshal(raw(jws.Protected), &head) != nil || head.Alg != "ES256" || head.URL != s.web.URL+r.URL.Path {
		return nil, "malformed"
	}
	good := s.nonces[head.Nonce]
	delete(s.nonces, head.Nonce)
	if !good || s.n%3 == 0 {
		s.refused++
		return nil, "badNonce"
	}
	key := s.key
	if j := head.JWK; j != nil && r.URL.Path == "/account" {
		key, _ = ecdsa.ParseUncompressedPublicKey(elliptic.P256(), slices.Concat([]byte{4}, raw(j.X), raw(j.Y)))
		s.key, s.thumb = key, thumbprint(j.Crv, j.Kty, j.X, j.Y)
	} else if head.Kid != s.web.URL+"/account/1" {
		return nil, "accountDoesNotExist"
	}
	sum, sig := sha256.Sum256([]byte(jws.Protected+"."+jws.Payload)), raw(jws.Signature)
	if key == nil || len(sig) != 64 || !ecdsa.Verify(key, sum[:], new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:])) {
		return nil, "unauthorized"
	}
	return raw(jws.Payload), ""
}

func (s *acmeServer) account(w http.ResponseWriter, payload []byte) {
	var a struct {
		TermsOfServiceAgreed   bool
		ExternalAccountBinding *signed
	}
	if json.Unmarshal(payload, &a); !a.TermsOfServiceAgreed {
		problem(w, 403, "userActionRequired")
		return
	}
	if s.external != (External{}) && !s.bound(a.ExternalAccountBinding) {
		problem(w, 403, "externalAccountRequired")
		return
	}
	w.Header().Set("Location", s.web.URL+"/account/1")
	answer(w, 201, map[string]any{"status": "valid"})
}

// A signed is a JWS in its flattened form (RFC 7515, 7.2.2).
type signed struct{ Protected, Payload, Signature string }

// bound reports whether the key of the account is signed with that of the external one
// (RFC 8555, 7.3.4).
func (s *acmeServer) bound(b *signed) bool {
	var head struct{ Alg, Kid, URL string }
	if b == nil || json.Unmarshal(raw(b.Protected), &head) != nil || head.Alg != "HS256" || head.Kid != s.external.KeyID || head.URL != s.web.URL+"/account" {
		return false
	}
	var key struct{ Crv, Kty, X, Y string }
	if json.Unmarshal(raw(b.Payload), &key) != nil || thumbprint(key.Crv, key.Kty, key.X, key.Y) != s.thumb {
		return false
	}
	mac := hmac.New(sha256.New, raw(s.external.Key))
	io.WriteString(mac, b.Protected+"."+b.Payload)
	return hmac.Equal(mac.Sum(nil), raw(b.Signature))
}

// thumbprint is that of a public key (RFC 7638, 3).
func thumbprint(crv, kty, x, y string) string {
	sum := sha256.Sum256([]byte(fmt.Sprintf(`{"crv":%q,"kty":%q,"x":%q,"y":%q}`, crv, kty, x, y)))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func (s *acmeServer) order(w http.ResponseWriter, payload []byte) {
	var o struct {
		Identifiers []struct{ Type, Value string }
	}
	switch json.Unmarshal(payload, &o); {
	case s.limited:
		w.Header().Set("Retry-After", "3600")
		problem(w, 429, "rateLimited")
		return
	case len(o.Identifiers) != 1 || o.Identifiers[0].Type != "dns":
		problem(w, 400, "malformed")
		return
	}
	id := fmt.Sprint(s.n)
	s.orders[id] = &order{host: o.Identifiers[0].Value, token: "token-" + id, status: "pending"}
	s.show(w, 201, id, s.orders[id])
}

func (s *acmeServer) show(w http.ResponseWriter, status int, id string, o *order) {
	url := s.web.URL
	w.Header().Set("Location", url+"/order/"+id)
	now := map[string]any{"status": o.status, "identifiers": []any{dns(o.host)}, "authorizations": []string{url + "/authz/" + id}, "finalize": url + "/finalize/" + id}
	switch {
	case o.chain != "":
		now["certificate"] = url + "/cert/" + id
	case o.status == "valid": // the authorization is; the order waits for the CSR
		now["status"] = "ready"
	}
	answer(w, status, now)
}

func (s *acmeServer) challenges(id string, o *order) (list []map[string]any) {
	for _, kind := range s.offer {
		c := map[string]any{"type": kind, "status": o.status, "token": o.token, "url": s.web.URL + "/challenge-" + kind + "/" + id}
		if o.reason != "" {
			c["error"] = map[string]any{"type": "urn:ietf:params:acme:error:unauthorized", "detail": o.reason}
		}
		list = append(list, c)
	}
	return list
}

// validate looks whether the host is who asks; else it says why not.
func (s *acmeServer) validate(kind string, o *order) string {
	proof := o.token + "." + s.thumb
	if kind == "http-01" { // RFC 8555, 8.3
		r, _ := http.NewRequest("GET", "http://"+s.at[kind]+"/.well-known/acme-challenge/"+o.token, nil)
		r.Host = o.host
		got, err := http.DefaultClient.Do(r)
		if err != nil {
			return err.Error()
		}
		defer got.Body.Close()
		if body, err := io.ReadAll(got.Body); err != nil || strings.TrimSpace(string(body)) != proof {
			return fmt.Sprintf("%q, %v", body, err)
		}
		return ""
	}
	conn, err := tls.Dial("tcp", s.at[kind], &tls.Config{ServerName: o.host, NextProtos: []string{"acme-tls/1"}, InsecureSkipVerify: true}) // RFC 8737, 3
	if err != nil {
		return err.Error()
	}
	defer conn.Close()
	sum := sha256.Sum256([]byte(proof))
	want, _ := asn1.Marshal(sum[:])
	for _, e := range conn.ConnectionState().PeerCertificates[0].Extensions {
		if e.Id.String() == "1.3.6.1.5.5.7.1.31" && e.Critical && string(e.Value) == string(want) {
			return ""
		}
	}
	return "the certificate does not show it"
}

func (s *acmeServer) finalize(w http.ResponseWriter, payload []byte, id string, o *order) {
	var f struct{ CSR string }
	json.Unmarshal(payload, &f)
	csr, err := x509.ParseCertificateRequest(raw(f.CSR))
	if err != nil || csr.CheckSignature() != nil || o.status != "valid" || len(csr.DNSNames) != 1 || csr.DNSNames[0] != o.host {
		problem(w, 400, "badCSR")
		return
	}
	from := time.Now().Add(-time.Hour)
	if s.stale {
		from = time.Now().AddDate(0, 0, -80)
	}
	leaf := s.ca.certificate(&x509.Certificate{
		DNSNames: csr.DNSNames, NotBefore: from, NotAfter: from.AddDate(0, 0, 90), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, s.ca.between, requested{csr.PublicKey}, s.ca.key)
	o.chain = chainPEM(leaf, s.ca.between)
	s.issued++
	s.show(w, 200, id, o)
}
