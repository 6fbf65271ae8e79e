package zonefile

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/record"
)

func TestRead(t *testing.T) {
	zone := `
$ORIGIN example.org.
@            MX 10 Mail
@            TXT "v=spf1 " "mx -all" ; joined without a space
mail 300 IN  A 192.0.2.25
odd          TXT "quote \" back \\ bell \007"
`
	got, err := Read(strings.NewReader(zone), "example.org")
	if err != nil {
		t.Fatal(err)
	}
	want := []record.Record{
		{Name: "example.org.", Type: "MX", TTL: DefaultTTL, Data: "10 mail.example.org."},
		{Name: "example.org.", Type: "TXT", TTL: DefaultTTL, Data: "v=spf1 mx -all"},
		{Name: "mail.example.org.", Type: "A", TTL: 300, Data: "192.0.2.25"},
		{Name: "odd.example.org.", Type: "TXT", TTL: 300, Data: "quote \" back \\ bell \a"},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestLines(t *testing.T) {
	zone := "$ORIGIN example.org.\n; a comment\n\n@ MX 10 mx ; another\nmx ( ; over lines\n  A\n 192.0.2.1 )\n   TXT \"a;\nb\"\n\n$TTL 5\nlast A 192.0.2.2"
	entries, err := ReadEntries(strings.NewReader(zone), "example.org")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, fmt.Sprintf("%d %s", e.Line, e.Type))
	}
	if want := []string{"4 MX", "5 A", "8 TXT", "12 A"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestReadRefuses(t *testing.T) {
	for zone, want := range map[string]string{
		"@ MX mail\n":                         "line: 1",
		"@ A 192.0.2.1\n@ A not-an-address\n": "line: 2",
		"$INCLUDE /etc/passwd\n":              "$INCLUDE",
		"$GENERATE 1-65535 a$ A 192.0.2.1\n$GENERATE 1-65535 b$ A 192.0.2.1\n": "more than 100000 records",
	} {
		_, err := Read(strings.NewReader(zone), "example.org")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want an error with %q", zone, err, want)
		}
	}
}

// FuzzRead: whatever a file holds, records that come of it are written as
// lines that read back as the same records.
func FuzzRead(f *testing.F) {
	f.Add("@ TXT \"a\" \"b\"\n")
	f.Add("$TTL 60\n@ SOA ns host 1 2 3 4 5\n* CNAME @\n")
	f.Add("a\\.b TXT \\255\n@ TYPE65280 \\# 2 ABCD\n@ MX 0 .\n")
	f.Fuzz(func(t *testing.T, zone string) {
		if len(zone) > 1<<12 || strings.Contains(strings.ToUpper(zone), "$GENERATE") {
			t.Skip("bounded elsewhere")
		}
		records, err := Read(strings.NewReader(zone), "example.org")
		if err != nil {
			return
		}
		for _, r := range records {
			if !r.IsText() {
				continue
			}
			r.TTL = DefaultTTL
			again, err := Read(strings.NewReader(r.String()+"\n"), ".")
			if err != nil || len(again) != 1 || again[0] != r {
				t.Errorf("%q reads back as %q, %v", r.String(), again, err)
			}
		}
	})
}
