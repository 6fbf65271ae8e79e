package zonefile

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/peertest"
	"github.com/maildoctor/maildoctor/record"
)

// Whole zones that are written load in the servers without a word, and BIND
// reads the records that were written.
func TestPeers(t *testing.T) {
	dir := t.TempDir()
	entries := zoneOf(t, florist+"mail AAAA 2001:db8::25\n_25._tcp.mail TLSA 3 1 1 "+strings.Repeat("0C", 32)+
		"\nodd TXT \"quote \\\" back \\\\ semi ; bell \\007 \\252 \" \"\"\n*.wild MX 0 .\n_dmarc TXT \"v=DMARC1; p=none\"\n"+
		"long TXT \""+strings.Repeat("k", 255)+"\" \""+strings.Repeat("l", 255)+"\" m\n_pop3._tcp SRV 0 0 0 .\nodd\\.name TXT x\n", "example.org")
	for _, o := range []WriteOptions{{Origin: "example.org", Full: true}, {Origin: "example.org", Full: true, Relative: true}} {
		var b bytes.Buffer
		if err := Write(&b, entries, o); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, "example.org.zone")
		peertest.Write(t, file, b.String())
		peertest.CheckZone(t, "example.org", file)
		got, err := readByBIND(t, file)
		if want, _ := Read(&b, "."); err != nil || !slices.Equal(record.Sorted(got), record.Sorted(want)) {
			t.Errorf("BIND reads %v, %v\nwant %v", got, err, want)
		}
	}
}

// The zones that the linter finds in order load in the servers, and BIND reads
// what this reads.
func TestPeersReadAlike(t *testing.T) {
	names, err := filepath.Glob("../testdata/zones/*.zone")
	if err != nil || len(names) == 0 {
		t.Fatalf("no zones: %v", err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		peertest.CheckZone(t, "example.org", name)
		want, err := readByBIND(t, name)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Read(bytes.NewReader(text), "example.org")
		if err != nil || !slices.Equal(record.Sorted(got), record.Sorted(want)) {
			t.Errorf("%s reads as %v, %v\nBIND: %v", name, record.Sorted(got), err, record.Sorted(want))
		}
	}
}

// odd is a zone with all that the format allows, and hardly anybody writes.
const odd = `$TTL 1h
$ORIGIN example.org.
@	IN	SOA	ns1 host\.master.example.org. ( 2026 1h 15M 2w 1d )
	NS	ns1
ns1 IN 300 A 192.0.2.1
ns1 300 IN AAAA 2001:DB8::1
\@ A 192.0.2.2
\097bc TXT abc
sp\032ace TXT "x"
sp\ ace2 TXT "x"
q TXT "a\"b\\c\;d\065" unq\"uo\;ted "\010"
e TXT ""
e2 TXT "" "" "a"
par ( TXT ) ( ( "a"
  "b" ) )
MiXed.Case TXT "KeepCase"
*	TXT "wild"
_sip._tcp SRV 1 2 3 @
txtgen TXT \# 4 03616263
gen TYPE65280 \# 3 010203
caa CAA 128 issue "ca.example\; x"
hinfo HINFO "PC" Linux
naptr NAPTR 100 10 "U" "E2U+sip" "!^.*$!sip:info@example.org!" .
uri URI 10 1 "https://example.org/"
https HTTPS 1 . alpn="h2,h3" ipv4hint=192.0.2.1
loc LOC 52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m
sshfp SSHFP 4 2 ( 0C0C0C0C0C0C0C0C0C0C0C0C0C0C0C0C
  0C0C0C0C0C0C0C0C0C0C0C0C0C0C0C0C )
rp RP admin txt.rp
$ORIGIN sub
@ MX 10 mail.example.org.
x CNAME @
$TTL 5
y PTR z
dn DNAME other.example.
$GENERATE 1-3/2 host${0,3,d} A 192.0.2.$
$GENERATE 8-9 h$ 77 CNAME t$
`

// Read reads odd zones as BIND does.
func TestPeersReadOdd(t *testing.T) {
	file := filepath.Join(t.TempDir(), "odd.zone")
	peertest.Write(t, file, odd)
	want, err := readByBIND(t, file, "-q", "-k", "ignore")
	if err != nil {
		t.Fatal(err)
	}
	got, err := Read(strings.NewReader(odd), "example.org")
	for _, c := range Diff(got, want, DiffOptions{}) {
		t.Errorf("%s %s: read %q, BIND %q", c.Slot.Type, c.Slot.Name, c.Removed, c.Added)
	}
	if err != nil || len(got) != len(want) {
		t.Errorf("%d records, %v; BIND %d", len(got), err, len(want))
	}
}

// readByBIND is the zone as BIND reads and writes it.
func readByBIND(t *testing.T, file string, flags ...string) ([]record.Record, error) {
	t.Helper()
	compiled := filepath.Join(t.TempDir(), "compiled")
	peertest.Run(t, exec.Command(peertest.Program(t, "named-compilezone"), append(flags, "-i", "none", "-o", compiled, "example.org", file)...))
	text, err := os.ReadFile(compiled)
	if err != nil {
		return nil, err
	}
	return Read(bytes.NewReader(text), ".")
}
