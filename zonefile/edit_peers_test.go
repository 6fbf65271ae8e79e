package zonefile

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/peertest"
	"github.com/maildoctor/maildoctor/record"
)

// inherits is a zone whose records take names and TTLs from each other.
const inherits = `@ 300 IN SOA ns.example.net. host.example.net. ( 2026112201 ; serial
        1h 15m 2w 1d )
        NS      ns.example.net.
        60 TXT  "v=spf1 -all" ; no mail
a       A       192.0.2.1
        TXT     "a"
$ORIGIN sub.example.org.
        MX      0 .
b 5     A       192.0.2.2
$GENERATE 1-2 g$ A 192.0.2.$
c       AAAA    2001:db8::1
`

// BIND reads edited zones as this does.
func TestPeersReadEdited(t *testing.T) {
	zones := map[string]string{"inherits": inherits, "odd": odd}
	names, _ := filepath.Glob("../testdata/zones/*.zone")
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		zones[name] = string(text)
	}
	if len(zones) < 3 {
		t.Fatal("no zones")
	}
	long := strings.Repeat(`k\";=`, 70)
	edits := []record.Edit{
		record.Set(record.SPF("example.org"), txt("example.org", "v=spf1 mx ip4:192.0.2.1 -all", 0)),
		record.Set(record.MXSet("example.org"), mx("example.org", 10, "mail.example.org"), mx("example.org", 20, "mx.example.net")),
		record.Set(record.DKIMKey("new", "example.org"), txt("new._domainkey.example.org", long, 300), txt("new._domainkey.example.org", "two", 300)),
		record.Set(record.Slot{Name: "a.example.org.", Type: "A"}),
		record.Set(record.Slot{Name: "ns1.example.org.", Type: "A"}),
		record.Set(record.Slot{Name: "x.sub.example.org.", Type: "CNAME"}),
	}
	for name, text := range zones {
		got, err := Edit([]byte(text), edits, EditOptions{Origin: "example.org", Now: now})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		file := filepath.Join(t.TempDir(), "zone")
		peertest.Write(t, file, string(got))
		want, err := readByBIND(t, file, "-k", "ignore")
		if err != nil {
			t.Fatal(err)
		}
		is, err := Read(bytes.NewReader(got), "example.org")
		for _, c := range Diff(is, want, DiffOptions{}) {
			t.Errorf("%s: %s %s: read %q, BIND %q", name, c.Slot.Type, c.Slot.Name, c.Removed, c.Added)
		}
		if err != nil || !slices.ContainsFunc(want, func(r record.Record) bool { return r.Data == long }) {
			t.Errorf("%s: %v, or BIND does not read what was added\n%s", name, err, got)
		}
	}
}
