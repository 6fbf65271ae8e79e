package deliver_test

import (
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/mta/client/clienttest"
	"github.com/maildoctor/maildoctor/mta/deliver"
	"github.com/maildoctor/maildoctor/resolve"
)

const oneHost = "example.org MX 10 mx.example.org.\nmx.example.org A 192.0.2.1\n"

// tlsa is a TLSA record of the key of a host's certificate.
func tlsa(t *testing.T, h *clienttest.Host) string {
	t.Helper()
	cert, err := x509.ParseCertificate(h.Cert.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("3 1 1 %X", sha256.Sum256(cert.RawSubjectPublicKeyInfo))
}

func enforce(mx string) string {
	return "version: STSv1\nmode: enforce\nmx: " + mx + "\nmax_age: 86400\n"
}

func testing_(mx string) string {
	return "version: STSv1\nmode: testing\nmx: " + mx + "\nmax_age: 86400\n"
}

// Each policy with each certificate: whether mail goes, how, and what is reported.
func TestPolicies(t *testing.T) {
	const good, wrong, foreign, expired, none, broken, refused = "good", "wrong name", "untrusted", "expired", "no TLS", "broken handshake", "refused"
	const nothing, reject = "delivered 2.0.0", "temporary 4.7.5"
	for _, test := range []struct {
		policy, cert string
		want         string
		source       deliver.Source
		tls          bool   // the message came under TLS
		result       string // in the TLS report, of the last session
	}{
		{"", good, nothing, deliver.Opportunistic, true, ""},
		{"", wrong, nothing, deliver.Opportunistic, true, ""},
		{"", foreign, nothing, deliver.Opportunistic, true, ""},
		{"", expired, nothing, deliver.Opportunistic, true, ""},
		{"", none, nothing, deliver.Opportunistic, false, "starttls-not-supported"},
		{"", broken, nothing, deliver.Opportunistic, false, "validation-failure"},
		{"", refused, nothing, deliver.Opportunistic, false, "starttls-not-supported"},

		{"remember encrypted", foreign, nothing, deliver.Remembered, true, ""},
		{"remember encrypted", none, "temporary 4.7.4", deliver.Remembered, false, "starttls-not-supported"},
		{"remember encrypted", broken, reject, deliver.Remembered, false, "validation-failure"},
		{"remember encrypted", refused, "temporary 4.7.0", deliver.Remembered, false, "starttls-not-supported"},
		{"remember verified", good, nothing, deliver.Remembered, true, ""},
		{"remember verified", wrong, reject, deliver.Remembered, false, "certificate-host-mismatch"},
		{"remember verified", foreign, reject, deliver.Remembered, false, "certificate-not-trusted"},
		{"remember verified", expired, nothing, deliver.Remembered, true, ""},
		{"remember verified long ago", none, nothing, deliver.Opportunistic, false, "starttls-not-supported"},

		{"sts", good, nothing, deliver.STS, true, ""},
		{"sts", wrong, reject, deliver.STS, false, "certificate-host-mismatch"},
		{"sts", foreign, reject, deliver.STS, false, "certificate-not-trusted"},
		{"sts", expired, reject, deliver.STS, false, "certificate-expired"},
		{"sts", none, "temporary 4.7.4", deliver.STS, false, "starttls-not-supported"},
		{"sts", broken, reject, deliver.STS, false, "validation-failure"},
		{"sts other host", good, reject, deliver.STS, false, "validation-failure"},
		{"sts testing", foreign, nothing, deliver.Opportunistic, true, "certificate-not-trusted"},
		{"sts testing", none, nothing, deliver.Opportunistic, false, "starttls-not-supported"},
		{"sts testing", good, nothing, deliver.Opportunistic, true, ""},
		{"sts unreachable", foreign, nothing, deliver.Opportunistic, true, "sts-policy-fetch-error"},
		{"sts invalid", foreign, nothing, deliver.Opportunistic, true, "sts-policy-invalid"},
		{"sts kept", foreign, reject, deliver.STS, false, "certificate-not-trusted"},
		{"sts kept too long", foreign, nothing, deliver.Opportunistic, true, ""},

		{"dane", good, nothing, deliver.DANE, true, ""},
		{"dane", wrong, nothing, deliver.DANE, true, ""},
		{"dane", foreign, nothing, deliver.DANE, true, ""},
		{"dane", expired, nothing, deliver.DANE, true, ""},
		{"dane", none, "temporary 4.7.4", deliver.DANE, false, "starttls-not-supported"},
		{"dane", broken, reject, deliver.DANE, false, "validation-failure"},
		{"dane other key", good, reject, deliver.DANE, false, "tlsa-invalid"},
		{"dane unusable", foreign, nothing, deliver.DANE, true, ""},
		{"dane unusable", none, "temporary 4.7.4", deliver.DANE, false, "starttls-not-supported"},
		{"dane insecure", foreign, nothing, deliver.Opportunistic, true, ""},
		{"dane bogus", good, reject, deliver.DANE, false, "dnssec-invalid"},
		{"dane SERVFAIL", good, reject, deliver.DANE, false, "dnssec-invalid"},
		{"dane, MX insecure", foreign, nothing, deliver.DANE, true, ""},
		{"dane, MX insecure", none, "temporary 4.7.4", deliver.DANE, false, "starttls-not-supported"},
		{"dane other key, MX insecure", good, reject, deliver.DANE, false, "tlsa-invalid"},
		{"dane, MX insecure, sts", good, nothing, deliver.STS, true, ""},
		{"dane, MX insecure, sts", wrong, reject, deliver.STS, false, "certificate-host-mismatch"},
		{"dane other key, MX insecure, sts", good, reject, deliver.STS, false, "tlsa-invalid"},
		{"dane over sts", wrong, nothing, deliver.DANE, true, ""}, // DANE holds, so the policy does not matter
		{"dane other key, sts", good, reject, deliver.DANE, false, "tlsa-invalid"},
	} {
		t.Run(test.policy+" "+test.cert, func(t *testing.T) {
			w := newWorld(t, oneHost)
			h := &clienttest.Host{}
			switch test.cert {
			case good, broken, refused:
				h.Cert = w.ca.Issue(t, "mx.example.org")
			case wrong:
				h.Cert = w.ca.Issue(t, "www.example.org")
			case foreign:
				h.Cert = clienttest.NewCA(t, time.Now()).Issue(t, "mx.example.org")
			case expired:
				h.Cert = w.ca.Expired(t, "mx.example.org")
			}
			if test.cert == broken {
				h.Handshake = clienttest.Close
			}
			if test.cert == refused {
				h.Answers = map[string]string{"STARTTLS": "454 4.7.0 not now"}
			}
			zone := oneHost
			memory := new(deliver.Store)
			signed := make(map[string]resolve.Security)
			faults := make(map[string]resolve.Kind)
			if strings.HasPrefix(test.policy, "sts") || strings.HasSuffix(test.policy, "sts") {
				zone += "_mta-sts.example.org TXT v=STSv1; id=1;\n"
			}
			if strings.HasPrefix(test.policy, "dane") {
				for _, name := range []string{"example.org", "mx.example.org", "_25._tcp.mx.example.org"} {
					signed[name] = resolve.Secure
				}
				record := "3 1 1 " + strings.Repeat("AB", 32)
				if h.Cert != nil && !strings.Contains(test.policy, "other key") {
					record = tlsa(t, h)
				}
				if test.policy == "dane unusable" {
					record = "1 1 1 " + strings.Repeat("AB", 32)
				}
				zone += "_25._tcp.mx.example.org TLSA " + record + "\n"
			}
			if strings.Contains(test.policy, "MX insecure") {
				signed["MX example.org"] = resolve.Insecure
			}
			sts := ""
			if strings.HasSuffix(test.policy, ", sts") {
				sts = enforce("mx.example.org")
			}
			switch test.policy {
			case "sts":
				sts = enforce("mx.example.org")
			case "sts other host", "dane over sts":
				sts = enforce("other.example.org")
			case "sts invalid":
				sts = "version: STSv1\nmode: enforce\n"
			case "sts testing":
				sts = testing_("mx.example.org")
			case "sts kept", "sts kept too long":
				entry := deliver.STSEntry{ID: "0", Fetched: time.Now(), Expires: time.Now().Add(time.Hour)}
				entry.Policy.Mode, entry.Policy.MX = "enforce", []string{"mx.example.org"}
				if test.policy != "sts kept" {
					entry.Expires = time.Now().Add(-time.Hour)
				}
				memory.SetSTS("example.org.", entry)
				zone = oneHost // the record has gone, which ends nothing
			case "remember encrypted":
				memory.Reached("example.org.", deliver.Encrypted, time.Now().Add(-time.Hour))
			case "remember verified":
				memory.Reached("example.org.", deliver.Verified, time.Now().Add(-time.Hour))
			case "remember verified long ago":
				memory.Reached("example.org.", deliver.Verified, time.Now().AddDate(0, -2, 0))
			case "dane insecure":
				signed["mx.example.org"] = resolve.Insecure
			case "dane bogus":
				signed["_25._tcp.mx.example.org"] = resolve.Bogus
			case "dane SERVFAIL":
				faults["TLSA _25._tcp.mx.example.org"] = resolve.ServFail
			}
			ca := w.ca
			w = newWorld(t, zone)
			w.ca, w.sts, w.signed, w.faults = ca, sts, signed, faults
			w.host("192.0.2.1", h)
			s := w.sender()
			s.Security, s.HTTP, s.Memory = w, w, memory
			report := s.Deliver(t.Context(), job("example.org", "b@example.org"))
			if r := report.Results[0]; said(r) != test.want {
				t.Errorf("%s (%s), want %s", said(r), r.Text, test.want)
			}
			messages := h.Messages()
			delivered := strings.HasPrefix(test.want, "delivered")
			if (len(messages) == 1) != delivered || delivered && messages[0].TLS != test.tls {
				t.Errorf("messages: %+v", messages)
			}
			if n := len(report.Sessions); n > 0 && report.Sessions[n-1].Policy.Source != test.source {
				t.Errorf("policy %s", report.Sessions[n-1].Policy)
			}
			if n := len(report.TLS); n == 0 || report.TLS[n-1].Result != test.result {
				t.Errorf("TLS report: %+v", report.TLS)
			}
		})
	}
}

// A policy is fetched once, and again when its record changes; a fetch that fails
// is not tried again at once, and what is kept goes on.
func TestSTSCache(t *testing.T) {
	w := newWorld(t, oneHost+"_mta-sts.example.org TXT v=STSv1; id=1;\n")
	w.sts = enforce("mx.example.org")
	w.host("192.0.2.1", &clienttest.Host{Cert: w.ca.Issue(t, "mx.example.org")})
	now := time.Now()
	s := w.sender()
	s.HTTP, s.Memory, s.Now = w, new(deliver.Store), func() time.Time { return now }
	step := func(what string, gets int, want string) {
		t.Helper()
		if r := s.Deliver(t.Context(), job("example.org", "b@example.org")).Results[0]; said(r) != want || w.gets != gets {
			t.Errorf("%s: %s (%s), %d fetches", what, said(r), r.Text, w.gets)
		}
	}
	step("first", 1, "delivered 2.0.0")
	step("same", 1, "delivered 2.0.0")
	other := newWorld(t, oneHost+"_mta-sts.example.org TXT v=STSv1; id=2;\n")
	w.zone = other.zone
	w.sts = ""
	step("changed, and cannot be fetched", 2, "delivered 2.0.0")
	step("not tried again", 2, "delivered 2.0.0")
	now = now.Add(6 * time.Minute)
	w.sts = enforce("other.example.org")
	step("tried again", 3, "temporary 4.7.5")
	w.faults["TXT _mta-sts.example.org"] = resolve.ServFail
	step("the record cannot be asked for", 3, "temporary 4.7.5")
	now = now.Add(25 * time.Hour)
	step("expired", 3, "delivered 2.0.0")
}

func TestMemory(t *testing.T) {
	w := newWorld(t, oneHost)
	h := w.host("192.0.2.1", &clienttest.Host{Cert: w.ca.Issue(t, "mx.example.org")})
	store := new(deliver.Store)
	s := w.sender()
	s.Memory = store
	s.Deliver(t.Context(), job("example.org", "b@example.org"))
	if level, _ := store.Level("example.org."); level != deliver.Verified {
		t.Fatalf("%s is remembered", level)
	}
	raw, err := store.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	again := new(deliver.Store)
	if err := again.UnmarshalJSON(raw); err != nil {
		t.Fatal(err)
	}
	s.Memory = again
	h.Cert = nil
	if r := s.Deliver(t.Context(), job("example.org", "b@example.org")).Results[0]; said(r) != "temporary 4.7.4" || !strings.Contains(r.Text, "went out verified on") {
		t.Errorf("%s (%s)", said(r), r.Text)
	}
	optional := job("example.org", "b@example.org")
	optional.TLSOptional = true
	if r := s.Deliver(t.Context(), optional).Results[0]; said(r) != "delivered 2.0.0" {
		t.Errorf("TLS-Required: No: %s (%s)", said(r), r.Text)
	}
	again.Forget("example.org.")
	if r := s.Deliver(t.Context(), job("example.org", "b@example.org")).Results[0]; said(r) != "delivered 2.0.0" {
		t.Errorf("%s (%s)", said(r), r.Text)
	}
}

// REQUIRETLS goes only where MX, certificate and the next host are vouched for.
func TestRequireTLS(t *testing.T) {
	for name, test := range map[string]struct {
		offers []string
		signed bool
		cert   string
		want   string
	}{
		"all":            {[]string{"REQUIRETLS"}, true, "mx.example.org", "delivered 2.0.0"},
		"not offered":    {nil, true, "mx.example.org", "permanent 5.7.30"},
		"MX not signed":  {[]string{"REQUIRETLS"}, false, "mx.example.org", "permanent 5.7.30"},
		"wrong name":     {[]string{"REQUIRETLS"}, true, "www.example.org", "temporary 4.7.5"},
		"no certificate": {[]string{"REQUIRETLS"}, true, "", "temporary 4.7.4"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, oneHost)
			h := w.host("192.0.2.1", &clienttest.Host{Offers: test.offers})
			if test.cert != "" {
				h.Cert = w.ca.Issue(t, test.cert)
			}
			if test.signed {
				w.signed["example.org"], w.signed["mx.example.org"] = resolve.Secure, resolve.Secure
			}
			s := w.sender()
			s.Security = w
			j := job("example.org", "b@example.org")
			j.RequireTLS, j.TLSOptional = true, true // the stricter one counts
			r := s.Deliver(t.Context(), j).Results[0]
			if said(r) != test.want {
				t.Errorf("%s (%s), want %s", said(r), r.Text, test.want)
			}
			if m := h.Messages(); len(m) > 0 && !strings.HasSuffix(m[0].From, " REQUIRETLS") {
				t.Errorf("%q", m[0].From)
			}
		})
	}
}

// SNI and the names that count are those of DANE where the host is an alias (RFC
// 7672, 2.2.3).
func TestDANEAlias(t *testing.T) {
	w := newWorld(t, oneHost)
	h := &clienttest.Host{Cert: w.ca.Issue(t, "real.example.com")}
	ca := w.ca
	w = newWorld(t, "example.org MX 10 mx.example.org.\nmx.example.org CNAME real.example.com.\nreal.example.com A 192.0.2.1\n_25._tcp.real.example.com TLSA "+tlsa(t, h)+"\n")
	w.ca = ca
	w.host("192.0.2.1", h)
	for _, name := range []string{"example.org", "mx.example.org", "_25._tcp.real.example.com"} {
		w.signed[name] = resolve.Secure
	}
	s := w.sender()
	s.Security = w
	report := s.Deliver(t.Context(), job("example.org", "b@example.org"))
	if m := h.Messages(); len(m) != 1 || m[0].SNI != "real.example.com" || report.Sessions[0].Policy.Source != deliver.DANE {
		t.Errorf("%+v, %+v", m, report.Results[0])
	}
	if s := report.Sessions[0].Policy.String(); s != "dane: verified (the TLSA records of real.example.com are secure)" {
		t.Error(s)
	}
}
