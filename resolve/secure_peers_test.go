//go:build linux

package resolve

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/peertest"
	"github.com/maildoctor/maildoctor/record"
)

// bindZones are the zones that BIND serves, children before their parents, and
// how each is signed or broken.
var bindZones = []struct {
	name      string // without the final dot; empty is the root
	algorithm string // of dnssec-keygen; empty leaves the zone unsigned
	sign      string // options of dnssec-signzone
	spoil     func(signed string) string
	ds        func(ds string) string
	records   string
}{
	{name: "good.test", algorithm: "ECDSAP256SHA256", records: `
alias CNAME mx
away CNAME mx.plain.test.
nowhere CNAME missing
*.wild A 192.0.2.1
sub.wild TXT "here"
inner NS ns.test.
old DNAME wild
`},
	{name: "inner.good.test", records: ""},
	{name: "nsec3.test", algorithm: "RSASHA256", sign: "-3 - -H 0", records: "*.wild A 192.0.2.1\nalias CNAME mx\ninner NS ns.test.\n"},
	{name: "inner.nsec3.test"},
	{name: "salted.test", algorithm: "ED25519", sign: "-3 ABCDEF -H 5", records: "a.b.c TXT deep\n"},
	{name: "iterated.test", algorithm: "ECDSAP384SHA384", sign: "-3 AB -H 150"},
	{name: "optout.test", algorithm: "RSASHA512", sign: "-3 - -H 0 -A", records: "plain NS ns.test.\n*.wild A 192.0.2.1\n"},
	{name: "plain.optout.test"},
	{name: "sha1.test", algorithm: "NSEC3RSASHA1"},
	{name: "plain.test"},
	{name: "badsig.test", algorithm: "ECDSAP256SHA256", spoil: func(s string) string {
		return strings.Replace(s, "192.0.2.25", "192.0.2.66", 1)
	}},
	{name: "expired.test", algorithm: "ECDSAP256SHA256", sign: "-s 20200101000000 -e 20200201000000"},
	{name: "future.test", algorithm: "ECDSAP256SHA256", sign: "-s now+864000 -e now+8640000"},
	{name: "wrongds.test", algorithm: "ECDSAP256SHA256", ds: func(s string) string {
		return regexp.MustCompile(`[0-9A-F]{8}\s*$`).ReplaceAllString(strings.TrimSpace(s), "00000000") + "\n"
	}},
	{name: "foreign.test", algorithm: "ECDSAP256SHA256", ds: func(s string) string {
		return regexp.MustCompile(`DS\s+\d+ 13`).ReplaceAllString(s, "DS 1 200")
	}},
	{name: "unsigned.test", ds: func(string) string {
		return "unsigned.test. DS 12345 13 2 " + strings.Repeat("0123456789ABCDEF", 4) + "\n"
	}},
	{name: "stripped.test", algorithm: "ECDSAP256SHA256", spoil: func(s string) string { return without(s, "NSEC") }},
	{name: "stripped3.test", algorithm: "ECDSAP256SHA256", sign: "-3 - -H 0", spoil: func(s string) string { return without(s, "NSEC3") }},
	{name: "nosig.test", algorithm: "ECDSAP256SHA256", spoil: func(s string) string { return without(s, "\x00") }},
	{name: "test", algorithm: "ECDSAP256SHA256", records: "ns A 127.0.0.1\n"},
	{name: "", algorithm: "ECDSAP256SHA256", records: "ns.test. A 127.0.0.1\n"},
}

// without takes a type and its signatures out of a signed zone that has a record
// a line, but for an NSEC at the apex, without which BIND takes a zone for
// unsigned; of "\x00", the signatures over TLSA and MX.
func without(zone, typ string) string {
	var kept []string
	for line := range strings.Lines(zone) {
		f := strings.Fields(line)
		switch {
		case typ == "NSEC" && (strings.Contains(line, " SOA ") || len(f) > 6 && f[4] == "NSEC" && f[6] == "2"):
			kept = append(kept, line)
		case typ == "\x00" && len(f) > 4 && f[3] == "RRSIG" && (f[4] == "MX" || f[4] == "TLSA"):
		case len(f) > 4 && (f[3] == typ || f[3] == "RRSIG" && f[4] == typ):
		default:
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "")
}

// questionsToBIND are asked in every zone below test.
var questionsToBIND = []string{"MX @", "A mx", "AAAA mx", "TLSA _25._tcp.mx", "TLSA _25._tcp.missing", "A _tcp.mx", "TXT @", "SOA @", "DS @", "A missing"}

// moreToBIND are asked of single zones.
var moreToBIND = []string{
	"A alias.good.test", "AAAA alias.good.test", "A away.good.test", "A nowhere.good.test", "A x.wild.good.test", "AAAA x.wild.good.test",
	"A a.b.wild.good.test", "A sub.wild.good.test", "A x.sub.wild.good.test", "MX inner.good.test", "A missing.inner.good.test", "A x.old.good.test",
	"A x.wild.nsec3.test", "AAAA x.wild.nsec3.test", "A alias.nsec3.test", "MX inner.nsec3.test", "A b.c.salted.test", "A x.b.c.salted.test",
	"MX plain.optout.test", "A missing.plain.optout.test", "A x.wild.optout.test", "A zzz.stripped.test", "NS .", "TXT .", "A missing", "A a.missing.test", "SOA test",
}

// TestAgreesWithDelv: over zones that BIND's own tools sign and BIND serves,
// directly and through a validating resolver, verdicts are those of delv.
func TestAgreesWithDelv(t *testing.T) {
	b := newBIND(t)
	t.Run("flaws", func(t *testing.T) { testFlaws(t, b) })
	questions := moreToBIND
	for _, z := range bindZones {
		if strings.HasSuffix(z.name, ".test") && strings.Count(z.name, ".") == 1 {
			for _, q := range questionsToBIND {
				questions = append(questions, strings.TrimSuffix(strings.Replace(q+"."+z.name, "@.", "", 1), "."))
			}
		}
	}
	count := make(map[string]int)
	for _, q := range questions {
		want := b.delv(t, q)
		typ, name, _ := strings.Cut(q, " ")
		for what, v := range b.validators {
			got := "indeterminate"
			p, err := v.Share().Secure(t.Context(), Ask(name, typ))
			if err == nil {
				got = p.Security.String()
			}
			count[got]++
			if got != want.verdict {
				t.Errorf("%s, %s: %s (%v %s %v); delv says %s:\n%s", q, what, got, p.Flaw, p.Why, err, want.verdict, want.said)
			}
			if got == "bogus" && p.Why == "" {
				t.Errorf("%s: bogus without a reason", q)
			}
		}
	}
	t.Logf("%d questions: %v", len(questions), count)
	for _, verdict := range []string{"secure", "insecure", "bogus"} {
		if count[verdict] < 20 {
			t.Errorf("only %d answers are %s", count[verdict], verdict)
		}
	}
}

// testFlaws: what makes a zone bogus is told.
func testFlaws(t *testing.T, b *bind) {
	for question, want := range map[string]Flaw{
		"A mx.badsig.test": BadSignature, "MX expired.test": Expired, "MX future.test": NotYetValid, "MX wrongds.test": WrongDS,
		"MX unsigned.test": WrongDS, "MX nosig.test": NoSignature, "A zzz.stripped.test": MissingDenial, "A missing.stripped3.test": MissingDenial,
	} {
		typ, name, _ := strings.Cut(question, " ")
		for what, v := range b.validators {
			if p, err := v.Secure(t.Context(), Ask(name, typ)); err != nil || p.Security != Bogus || p.Flaw != want {
				t.Errorf("%s, %s: %v, %v (%s), %v; want %v", question, what, p.Security, p.Flaw, p.Why, err, want)
			}
		}
	}
}

// A bind is BIND with the zones, and a BIND that resolves above it.
type bind struct {
	address    string
	program    string // delv
	anchors    string // a file for delv
	validators map[string]*Validator
}

func newBIND(t *testing.T) *bind {
	t.Helper()
	named, keygen, signzone := peertest.Copy(t, "named"), peertest.Program(t, "dnssec-keygen"), peertest.Program(t, "dnssec-signzone")
	dir := t.TempDir()
	var conf strings.Builder
	children := make(map[string]string) // what a parent holds of its children
	var root string
	for _, z := range bindZones {
		origin := z.name + "."
		zone := "$TTL 300\n$ORIGIN " + origin + "\n@ SOA ns.test. host.test. 1 3600 600 86400 300\n@ NS ns.test.\n" + z.records + children[origin]
		if z.name != "" {
			zone += "@ MX 10 mx\nmx A 192.0.2.25\n_25._tcp.mx TLSA 3 1 1 " + strings.Repeat("0123456789abcdef", 4) + "\n"
		}
		file := filepath.Join(dir, "zone."+z.name)
		peertest.Write(t, file, zone)
		ds := ""
		if z.algorithm != "" {
			run(t, dir, keygen, "-q", "-a", z.algorithm, "-b", map[bool]string{true: "2048", false: "0"}[strings.Contains(z.algorithm, "RSA")], "-f", "KSK", origin)
			args := append([]string{"-S", "-P", "-z", "-O", "full", "-o", origin, "-K", dir, "-d", dir, "-f", file + ".signed"}, strings.Fields(z.sign)...)
			run(t, dir, signzone, append(args, file)...)
			signed, dsset := get(t, file+".signed"), get(t, filepath.Join(dir, "dsset-"+origin))
			if z.spoil != nil {
				signed = z.spoil(signed)
			}
			peertest.Write(t, file, signed)
			ds = dsset
		}
		if z.ds != nil {
			ds = z.ds(ds)
		}
		if _, parent, ok := strings.Cut(z.name, "."); ok || z.name != "" {
			children[parent+"."] += z.name + ". NS ns.test.\n" + ds
		} else {
			root = ds
		}
		fmt.Fprintf(&conf, "zone %q { type primary; file %q; };\n", origin, file)
	}
	anchor := strings.Fields(root)[3:]
	anchors := fmt.Sprintf("trust-anchors { . static-ds %s %s %s \"%s\"; };\n", anchor[0], anchor[1], anchor[2], strings.Join(anchor[3:], ""))
	peertest.Write(t, filepath.Join(dir, "anchors"), anchors)

	b := &bind{program: peertest.Program(t, "delv"), anchors: filepath.Join(dir, "anchors"), validators: make(map[string]*Validator)}
	b.address = startNamed(t, named, dir, "authority", "recursion no; minimal-responses yes; dnssec-validation no;", conf.String())
	host, port, _ := net.SplitHostPort(b.address)
	resolver := startNamed(t, named, dir, "resolver", fmt.Sprintf("recursion yes; dnssec-validation yes; forward only; forwarders { %s port %s; };", host, port), anchors)
	for what, address := range map[string]string{"asked directly": b.address, "through a resolver": resolver} {
		server, err := ParseServer(address)
		if err != nil {
			t.Fatal(err)
		}
		c := NewClient(Options{Servers: []Server{server}})
		t.Cleanup(func() { c.Close() })
		b.validators[what] = NewValidator(context.Background(), c, SecureOptions{
			Anchors: []record.Record{{Name: ".", Type: "DS", Data: strings.Join(anchor[:3], " ") + " " + strings.Join(anchor[3:], "")}},
		})
	}
	return b
}

// laxer are the answers that delv calls validated although RFC 5155, 9.2 does
// not let them be: an NSEC3 record with opt-out is all that speaks of the name.
var laxer = []string{"TLSA _25._tcp.missing.optout.test", "A missing.optout.test"}

type delvVerdict struct{ verdict, said string }

// delv is what delv makes of a question.
func (b *bind) delv(t *testing.T, q string) delvVerdict {
	t.Helper()
	typ, name, _ := strings.Cut(q, " ")
	host, port, _ := net.SplitHostPort(b.address)
	out, _ := exec.Command(b.program, "@"+host, "-p", port, "-a", b.anchors, "+root=.", name, typ).CombinedOutput()
	said := string(out)
	switch {
	case strings.Contains(said, "unsigned answer"), strings.Contains(said, "fully validated") && slices.Contains(laxer, q):
		return delvVerdict{"insecure", said}
	case strings.Contains(said, "fully validated"):
		return delvVerdict{"secure", said}
	case strings.Contains(said, "resolution failed: failure"): // SERVFAIL: BIND itself misses the NSEC
		return delvVerdict{"indeterminate", said}
	case strings.Contains(said, "resolution failed"):
		return delvVerdict{"bogus", said}
	}
	t.Fatalf("delv %s said:\n%s", q, said)
	return delvVerdict{}
}

// startNamed runs named until the test ends, and returns its address.
func startNamed(t *testing.T, named, dir, name, options, more string) string {
	t.Helper()
	address, file := peertest.Address(t), filepath.Join(dir, name+".conf")
	_, port, _ := net.SplitHostPort(address)
	peertest.Write(t, file, fmt.Sprintf(`options {
	directory %q; listen-on port %s { 127.0.0.1; }; listen-on-v6 { none; };
	pid-file none; lock-file none; session-keyfile none; allow-query { any; }; notify no; empty-zones-enable no;
	check-names primary ignore; check-integrity no; %s
};
controls { };
%s`, dir, port, options, more))
	server, err := ParseServer(address)
	if err != nil {
		t.Fatal(err)
	}
	c := NewClient(Options{Servers: []Server{server}, Timeout: 200 * time.Millisecond, Attempts: 1})
	defer c.Close()
	peertest.Start(t, exec.Command(named, "-g", "-n", "1", "-c", file), func() error {
		_, err := c.Exchange(t.Context(), Ask(".", "SOA"))
		return err
	})
	return address
}

func run(t *testing.T, dir, program string, args ...string) {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Dir = dir
	peertest.Run(t, cmd)
}

func get(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
