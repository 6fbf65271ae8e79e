package resolve

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/maildoctor/maildoctor/record"
)

// world is the root, org, and below it example.org (signed, with a wildcard and
// an alias), plain.org (not signed) and others that the tests break.
func newWorld(t testing.TB) (*signedWorld, map[string]*signedZone) {
	root := newSignedZone(t, ".", dns.ECDSAP256SHA256)
	org := newSignedZone(t, "org.", dns.ECDSAP256SHA256)
	org.salt, org.soft = "-", true
	example := newSignedZone(t, "example.org.", dns.ED25519,
		"example.org. 300 IN MX 10 mx1.example.org.", "mx1.example.org. 300 IN A 192.0.2.25",
		"_25._tcp.mx1.example.org. 300 IN TLSA 3 1 1 00", "*.wild.example.org. 300 IN A 192.0.2.1",
		"alias.example.org. 300 IN CNAME mx1.example.org.", "away.example.org. 300 IN CNAME mx.plain.org.",
		"nowhere.example.org. 300 IN CNAME missing.example.org.")
	plain := newSignedZone(t, "plain.org.", 0, "mx.plain.org. 300 IN A 192.0.2.26")
	hashed := newSignedZone(t, "hashed.org.", dns.ECDSAP256SHA256, "mx.hashed.org. 300 IN A 192.0.2.27", "*.wild.hashed.org. 300 IN A 192.0.2.1")
	hashed.salt = "ABCD"
	inner := newSignedZone(t, "inner.example.org.", 0, "www.inner.example.org. 300 IN A 192.0.2.28")
	for _, z := range []*signedZone{example, plain, hashed} {
		org.delegate(z)
	}
	root.delegate(org)
	example.delegate(inner)
	zones := map[string]*signedZone{".": root, "org.": org, "example.org.": example, "plain.org.": plain, "hashed.org.": hashed, "inner.example.org.": inner}
	return &signedWorld{zones: []*signedZone{root, org, example, plain, hashed, inner}}, zones
}

func TestSecure(t *testing.T) {
	world, _ := newWorld(t)
	v := world.validator(t)
	for _, tt := range []struct {
		question, want, zone string
		exists               bool
		records              int
	}{
		{"MX example.org", "secure", "example.org.", true, 1},
		{"TLSA _25._tcp.mx1.example.org", "secure", "example.org.", true, 1},
		{"TLSA _25._tcp.mx2.example.org", "secure", "example.org.", false, 0},
		{"AAAA mx1.example.org", "secure", "example.org.", true, 0},
		{"A _tcp.mx1.example.org", "secure", "example.org.", true, 0}, // an empty non-terminal
		{"A alias.example.org", "secure", "example.org.", true, 1},
		{"A nowhere.example.org", "secure", "example.org.", false, 0},
		{"A away.example.org", "insecure", "plain.org.", true, 1},
		{"A x.wild.example.org", "secure", "example.org.", true, 1},
		{"AAAA x.wild.example.org", "secure", "example.org.", true, 0},
		{"A mx.plain.org", "insecure", "plain.org.", true, 1},
		{"TLSA _25._tcp.mx.plain.org", "insecure", "plain.org.", false, 0},
		{"A www.inner.example.org", "insecure", "inner.example.org.", true, 1},
		{"A mx.hashed.org", "secure", "hashed.org.", true, 1},
		{"TXT mx.hashed.org", "secure", "hashed.org.", true, 0},
		{"TXT _25._tcp.mx.hashed.org", "secure", "hashed.org.", false, 0},
		{"A y.wild.hashed.org", "secure", "hashed.org.", true, 1},
		{"A missing.org", "insecure", "org.", false, 0}, // opt-out
		{"SOA .", "secure", ".", true, 1},
		{"DS example.org", "secure", "org.", true, 1},
		{"TXT .", "secure", ".", true, 0},
		{"MX missing", "secure", ".", false, 0},
	} {
		typ, name, _ := strings.Cut(tt.question, " ")
		p, err := v.Secure(t.Context(), Ask(name, typ))
		if err != nil {
			t.Errorf("%s: %v", tt.question, err)
			continue
		}
		if p.Security.String() != tt.want || p.Zone != tt.zone || p.Answer.Exists != tt.exists || len(p.Answer.Records) != tt.records {
			t.Errorf("%s is %v by %s (%s), exists %t, %d records; want %s by %s, %t, %d", tt.question,
				p.Security, p.Zone, p.Why, p.Answer.Exists, len(p.Answer.Records), tt.want, tt.zone, tt.exists, tt.records)
		}
	}
	world.mu.Lock()
	defer world.mu.Unlock()
	for q, n := range world.asked {
		if n > 1 {
			t.Errorf("%s was asked %d times", q, n)
		}
	}
}

func TestBogus(t *testing.T) {
	drop := func(codes ...uint16) func(rrs []dns.RR) []dns.RR {
		return func(rrs []dns.RR) []dns.RR {
			return slices.DeleteFunc(rrs, func(rr dns.RR) bool { return slices.Contains(codes, rr.Header().Rrtype) })
		}
	}
	at := func(name, typ string, change func(m *dns.Msg)) func(*signedWorld, map[string]*signedZone) {
		return func(w *signedWorld, _ map[string]*signedZone) {
			w.tamper = func(q Question, m *dns.Msg) {
				if q.Name == name && q.Type == typ {
					change(m)
				}
			}
		}
	}
	for _, tt := range []struct {
		name, question string
		breakIt        func(*signedWorld, map[string]*signedZone)
		zone, why      string
		flaw           Flaw
	}{
		{"another address", "A mx1.example.org", at("mx1.example.org.", "A", func(m *dns.Msg) {
			m.Answer[0].(*dns.A).A[3]++
		}), "example.org.", "does not verify", BadSignature},
		{"an address more", "A mx1.example.org", at("mx1.example.org.", "A", func(m *dns.Msg) {
			m.Answer = append(m.Answer, rrs("mx1.example.org. 300 IN A 192.0.2.66")...)
		}), "example.org.", "does not verify", BadSignature},
		{"expired", "MX example.org", func(_ *signedWorld, z map[string]*signedZone) { z["example.org."].from = -72 * 3600e9 },
			"example.org.", "expired at 2026-11-21T12:00:00Z", Expired},
		{"not yet valid", "MX example.org", func(_ *signedWorld, z map[string]*signedZone) { z["example.org."].from = 3600e9 },
			"example.org.", "not valid before 2026-11-22T13:00:00Z", NotYetValid},
		{"signatures taken away", "MX example.org", at("example.org.", "MX", func(m *dns.Msg) { m.Answer = drop(dns.TypeRRSIG)(m.Answer) }),
			"example.org.", "has no signature", NoSignature},
		{"denial taken away", "TXT example.org", at("example.org.", "TXT", func(m *dns.Msg) { m.Ns = nil }),
			"example.org.", "nothing signed says that there is no TXT example.org", MissingDenial},
		{"denial of another name", "TXT example.org", at("example.org.", "TXT", func(m *dns.Msg) { m.Ns = slices.DeleteFunc(m.Ns, isAt("example.org.")) }),
			"example.org.", "nothing signed says", MissingDenial},
		{"hashed denial taken away", "TXT mx.hashed.org", at("mx.hashed.org.", "TXT", func(m *dns.Msg) { m.Ns = drop(dns.TypeNSEC3)(m.Ns) }),
			"hashed.org.", "nothing signed says", MissingDenial},
		{"DS taken away", "MX example.org", at("example.org.", "DS", func(m *dns.Msg) { m.Answer = nil }),
			"org.", "nothing signed says that there is no DS example.org", MissingDenial},
		{"wrong DS", "MX example.org", func(_ *signedWorld, z map[string]*signedZone) {
			for _, rr := range z["org."].rrs {
				if ds, ok := rr.(*dns.DS); ok && ds.Hdr.Name == "example.org." {
					ds.KeyTag++
				}
			}
		}, "example.org.", "is not a key of the zone", WrongDS},
		{"no DNSKEY", "MX example.org", at("example.org.", "DNSKEY", func(m *dns.Msg) { m.Answer = nil }),
			"example.org.", "no DNSKEY", WrongDS},
		{"wildcard without denial", "A x.wild.example.org", at("x.wild.example.org.", "A", func(m *dns.Msg) { m.Ns = nil }),
			"example.org.", "comes from a wildcard", MissingDenial},
		{"hashed wildcard without denial", "A x.wild.hashed.org", at("x.wild.hashed.org.", "A", func(m *dns.Msg) { m.Ns = nil }),
			"hashed.org.", "comes from a wildcard", MissingDenial},
		{"unsigned below a signed zone", "A mx1.example.org", at("mx1.example.org.", "A", func(m *dns.Msg) {
			m.Answer = rrs("mx1.example.org. 300 IN A 192.0.2.66")
		}), "example.org.", "has no signature", NoSignature},
		{"forged root", "MX example.org", func(_ *signedWorld, z map[string]*signedZone) { z["."].from = -72 * 3600e9 },
			".", "expired", Expired},
	} {
		t.Run(tt.name, func(t *testing.T) {
			world, zones := newWorld(t)
			v := world.validator(t)
			tt.breakIt(world, zones)
			typ, name, _ := strings.Cut(tt.question, " ")
			p, err := v.Secure(t.Context(), Ask(name, typ))
			if err != nil {
				t.Fatal(err)
			}
			if p.Security != Bogus || p.Flaw != tt.flaw || !strings.Contains(p.Why, tt.why) {
				t.Errorf("%v, %v of %s: %s; want bogus, %v: %s", p.Security, p.Flaw, p.Zone, p.Why, tt.flaw, tt.why)
			}
			if p.Answer.Authenticated {
				t.Error("a bogus answer is called authenticated")
			}
		})
	}
}

func isAt(name string) func(dns.RR) bool {
	return func(rr dns.RR) bool { return rr.Header().Name == name && rr.Header().Rrtype != dns.TypeSOA }
}

// TestIndeterminate: where the resolver strips what validation needs, nothing is
// held against the zone, and the AD bit of a resolver on this machine is what is
// left.
func TestIndeterminate(t *testing.T) {
	strip := func(codes ...uint16) func(Question, *dns.Msg) {
		return func(_ Question, m *dns.Msg) {
			for _, section := range []*[]dns.RR{&m.Answer, &m.Ns} {
				*section = slices.DeleteFunc(*section, func(rr dns.RR) bool { return slices.Contains(codes, rr.Header().Rrtype) })
			}
		}
	}
	for name, codes := range map[string][]uint16{"signatures": {dns.TypeRRSIG}, "denials": {dns.TypeNSEC, dns.TypeNSEC3}} {
		t.Run(name, func(t *testing.T) {
			world, _ := newWorld(t)
			world.tamper = strip(codes...)
			if p, err := world.validator(t).Secure(t.Context(), Ask("example.org", "TXT")); err == nil {
				t.Errorf("%v (%s), want an error", p.Security, p.Why)
			}
		})
	}
	for _, tt := range []struct {
		server    string
		ad, trust bool
		secure    bool
	}{
		{"udp://127.0.0.1:53", true, false, true},
		{"tcp://[::1]:53", true, false, true},
		{"udp://127.0.0.1:53", false, false, false},
		{"udp://192.0.2.53:53", true, false, false},
		{"udp://192.0.2.53:53", true, true, true},
		{"https://dns.example/dns-query", true, false, false},
	} {
		world, _ := newWorld(t)
		world.tamper = strip(dns.TypeRRSIG)
		v := world.validator(t)
		v.known.options.TrustAD = tt.trust
		v.known.options.Fallback = Func(func(_ context.Context, q Question) (Answer, error) {
			return Answer{Question: q, Authenticated: tt.ad, Server: tt.server}, nil
		})
		p, err := v.Secure(t.Context(), Ask("example.org", "MX"))
		if got := err == nil && p.Security == Secure; got != tt.secure {
			t.Errorf("%+v: %v, %v", tt, p.Security, err)
		}
	}
}

// TestWeak: what is out of use by now is named, and what is not supported makes
// a zone insecure.
func TestWeak(t *testing.T) {
	for _, tt := range []struct {
		algorithm, digest uint8
		as                uint8 // what the DS says instead
		want              string
		weak              []string
	}{
		{dns.RSASHA256, dns.SHA256, 0, "secure", nil},
		{dns.RSASHA512, dns.SHA384, 0, "secure", nil},
		{dns.ECDSAP384SHA384, dns.SHA384, 0, "secure", nil},
		{dns.RSASHA1, dns.SHA1, 0, "secure", []string{"DS digest SHA-1", "algorithm RSASHA1"}},
		{dns.ECDSAP256SHA256, dns.SHA1, 0, "secure", []string{"DS digest SHA-1"}},
		{dns.ECDSAP256SHA256, dns.SHA256, dns.ED448, "insecure", nil},
		{dns.ECDSAP256SHA256, dns.SHA256, 200, "insecure", nil},
	} {
		root := newSignedZone(t, ".", dns.ECDSAP256SHA256)
		z := newSignedZone(t, "test.", tt.algorithm)
		ds := z.ds(tt.digest)
		if tt.as != 0 {
			ds.Algorithm = tt.as
		}
		root.rrs = append(root.rrs, ds, rrs("test. 300 IN NS ns.")[0])
		world := &signedWorld{zones: []*signedZone{root, z}}
		p, err := world.validator(t).Secure(t.Context(), Ask("test", "SOA"))
		if err != nil || p.Security.String() != tt.want || !slices.Equal(p.Weak, tt.weak) {
			t.Errorf("%+v: %v %q (%s), %v", tt, p.Security, p.Weak, p.Why, err)
		}
	}
}

// TestBoundedWork: many keys of one tag with many signatures, and NSEC3 with many
// iterations, end in no verdict and soon.
func TestBoundedWork(t *testing.T) {
	world, zones := newWorld(t)
	key := zones["example.org."].key
	world.tamper = func(q Question, m *dns.Msg) {
		switch {
		case q.Name == "example.org." && q.Type == "MX":
			sig := m.Answer[1].(*dns.RRSIG)
			m.Answer = m.Answer[:1]
			for i := range 40 {
				bad := dns.Copy(sig).(*dns.RRSIG)
				raw := []byte(bad.Signature)
				raw[4] = 'A' + byte(i%26)
				bad.Signature = string(raw)
				bad.Expiration -= uint32(i)
				m.Answer = append(m.Answer, bad)
			}
		}
	}
	v := world.validator(t)
	z, err := v.zone(t.Context(), "example.org.")
	if err != nil || z.security != Secure {
		t.Fatalf("%v, %v", z, err)
	}
	for len(z.keys) < maxKeys { // as if the zone had that many of one tag
		z.keys = append(z.keys, zoneKey{key, key.KeyTag()})
	}
	if p, err := v.Secure(t.Context(), Ask("example.org", "MX")); err == nil || !strings.Contains(err.Error(), "too much work") {
		t.Errorf("%v (%s), %v", p.Security, p.Why, err)
	}

	world, zones = newWorld(t)
	zones["hashed.org."].iter = maxIterations + 1
	p, err := world.validator(t).Secure(t.Context(), Ask("mx.hashed.org", "TXT"))
	if err != nil || p.Security != Insecure || !strings.Contains(p.Why, "iterations") {
		t.Errorf("%v (%s), %v", p.Security, p.Why, err)
	}

	world, _ = newWorld(t)
	deep := strings.Repeat("a.", maxSecureLabels) + "example.org"
	if _, err := world.validator(t).Secure(t.Context(), Ask(deep, "A")); err == nil {
		t.Error("a name of many labels is validated")
	}
	v = world.validator(t)
	v.spent.Store(maxSecureQuestions)
	if _, err := v.Secure(t.Context(), Ask("example.org", "A")); KindOf(err) != Budget {
		t.Errorf("beyond the budget: %v", err)
	}
	if _, err := v.Share().Secure(t.Context(), Ask("example.org", "MX")); err != nil {
		t.Errorf("what a spent validator could not ask stays unknown to others: %v", err)
	}
}

func TestDNAME(t *testing.T) {
	world, zones := newWorld(t)
	example := zones["example.org."]
	example.rrs = append(example.rrs, rrs("old.example.org. 300 IN DNAME wild.example.org.")...)
	world.tamper = func(q Question, m *dns.Msg) {
		if q.Name == "mx.old.example.org." {
			dname := example.at("old.example.org.", dns.TypeDNAME)
			target := new(dns.Msg)
			world.answer(target, "mx.wild.example.org.", dns.TypeA)
			m.Rcode = 0
			m.Answer = slices.Concat(dname, []dns.RR{example.sign(example.at("old.example.org.", dns.TypeDNAME), -1)},
				rrs("mx.old.example.org. 300 IN CNAME mx.wild.example.org."), target.Answer)
			m.Ns = target.Ns
		}
	}
	p, err := world.validator(t).Secure(t.Context(), Ask("mx.old.example.org", "A"))
	if err != nil || p.Security != Secure || len(p.Answer.Records) != 1 {
		t.Errorf("%v (%s), %v", p.Security, p.Why, err)
	}
}

func TestCanonicalOrder(t *testing.T) {
	// The order given in RFC 4034, 6.1.
	names := []string{"example.", "a.example.", "yljkjljk.a.example.", "Z.a.example.", "zABC.a.EXAMPLE.", "z.example.", `\001.z.example.`, "*.z.example.", `\200.z.example.`}
	for i := range names[1:] {
		if canonicalOrder(names[i], names[i+1]) >= 0 || canonicalOrder(names[i+1], names[i]) <= 0 {
			t.Errorf("%s does not come before %s", names[i], names[i+1])
		}
	}
}

func TestRootAnchors(t *testing.T) {
	k := newKnowledge(t.Context(), nil, SecureOptions{Anchors: rootAnchors()})
	var tags []uint16
	for _, ds := range k.anchors() {
		tags = append(tags, ds.KeyTag)
		if len(ds.Digest) != 64 || ds.DigestType != dns.SHA256 || ds.Algorithm != dns.RSASHA256 {
			t.Errorf("%v", ds)
		}
	}
	if !slices.Equal(tags, []uint16{20326, 38696}) {
		t.Errorf("anchors %v", tags)
	}
}

// FuzzSecure lies to a validator about one question: whatever comes, what it
// calls secure is what the zone holds.
func FuzzSecure(f *testing.F) {
	world, _ := newWorld(f)
	v := world.validator(f)
	honest, err := v.Secure(f.Context(), Ask("mx1.example.org", "A"))
	if err != nil || honest.Security != Secure {
		f.Fatal(honest.Why, err)
	}
	for _, q := range []Question{Ask("mx1.example.org", "A"), Ask("mx1.example.org", "TXT"), Ask("x.wild.example.org", "A"), Ask("mx.hashed.org", "TXT"), Ask("away.example.org", "A")} {
		wire, _ := world.Exchange(f.Context(), q)
		f.Add(wire)
	}
	f.Fuzz(func(t *testing.T, wire []byte) {
		liar := v.Share()
		msg, err := readMessage(wire)
		if err != nil {
			return
		}
		q := Ask("mx1.example.org", "A")
		p := Proof{Security: Secure, Answer: Answer{Question: q}}
		if next, err := liar.read(t.Context(), &p, msg, q.Name, dns.TypeA); err != nil || next != "" || p.Security != Secure {
			return
		}
		if !slices.EqualFunc(p.Answer.Records, honest.Answer.Records, func(a, b record.Record) bool { return a.Data == b.Data }) {
			t.Errorf("secure: %v", p.Answer.Records)
		}
	})
}
