package zonefile

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

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
	zone := "$ORIGIN example.org.\n; a comment\n\n@ MX 10 mx ; another\nmx ( ; over lines\n  A\n 192.0.2.1 )\n   TXT \"a;b\"\n\n$TTL 5\nlast A 192.0.2.2"
	entries, err := ReadEntries(strings.NewReader(zone), "example.org")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, fmt.Sprintf("%d %s", e.Line, e.Type))
	}
	if want := []string{"4 MX", "5 A", "8 TXT", "11 A"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestReadRefuses(t *testing.T) {
	for zone, want := range map[string]string{
		"@ MX mail\n":                         "line 1: MX",
		"@ A 192.0.2.1\n@ A not-an-address\n": "line 2: A",
		"@ SOA\n":                             "line 1: SOA: it has no data",
		"$INCLUDE /etc/passwd\n":              "$INCLUDE",
		"@ TXT \"open\n@ A 192.0.2.1\n":       "line 1: the quotation mark",
		"@ A 192.0.2.1\n@ TXT (\n \"a\"\n":    "line 2: the parenthesis that opens here is not closed",
		"@ CH A 192.0.2.1\n":                  "class",
		" A 192.0.2.1\n":                      "begins with a blank",
		"$TTL soon\n":                         "time to live",
		"@ OPT x\n":                           "no type",
		"@ TXT \"\\256\"\n":                   "backslash",
		"@ TXT " + strings.Repeat("\""+strings.Repeat("x", 255)+"\" ", 257): "65535",
	} {
		_, err := Read(strings.NewReader(zone), "example.org")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want an error with %q", zone, err, want)
		}
	}
}

func TestBounds(t *testing.T) {
	long := strings.Repeat("x", 200)
	for name, tt := range map[string]struct {
		text            string
		records, octets int
		want            string
	}{
		"records":    {"$GENERATE 1-65535 a$ A 192.0.2.1\n", 1000, 1 << 20, "more than 250000 records"},
		"octets":     {"@ TXT " + long + "\n", 10, 100, "more than 67108864 octets"},
		"generated":  {"$GENERATE 1-65535 " + long[:60] + " TXT " + long + "\n", 1 << 20, 1 << 16, "$GENERATE makes more than"},
		"a loop":     {"$INCLUDE self\n$INCLUDE self\n", 10, 1 << 20, "more than 8 deep"},
		"many":       {strings.Repeat("$INCLUDE empty\n", 1001), 10, 1 << 20, "more than 1000 files"},
		"problems":   {strings.Repeat("@ NONSENSE\n", 300), 10, 1 << 20, "there are 256 problems already"},
		"open lines": {strings.Repeat("@ TXT (\n", 300), 10, 1 << 20, "there are 256 problems already"},
	} {
		files := fstest.MapFS{"self": {Data: []byte(tt.text)}, "empty": {}}
		p := &parser{options: ReadOptions{Includes: files}, records: tt.records, octets: tt.octets}
		p.file(tt.text, "", "example.org.", 0)
		last := Problem{}
		if n := len(p.problems); n > 0 {
			last = p.problems[n-1]
		}
		if last.Kind != Bound || !strings.Contains(last.Text, tt.want) {
			t.Errorf("%s: %v, want a bound: %s", name, last, tt.want)
		}
	}
}

func TestInclude(t *testing.T) {
	files := fstest.MapFS{
		"mail/keys.zone": {Data: []byte("s1 TXT \"v=DKIM1; p=\"\n$ORIGIN elsewhere.example.\n@ A 192.0.2.7\n")},
	}
	zone := "$ORIGIN example.org.\n@ A 192.0.2.1\n$INCLUDE mail/keys.zone _domainkey\n A 192.0.2.2\n$INCLUDE ../secret\n$INCLUDE missing\n"
	file, problems, err := Parse(strings.NewReader(zone), ReadOptions{Includes: files})
	if err != nil {
		t.Fatal(err)
	}
	file.Name = "a.zone"
	var got []string
	for _, e := range file.Entries {
		got = append(got, file.Place(e)+" "+e.Name)
	}
	want := []string{"a.zone:2 example.org.", "mail/keys.zone:1 s1._domainkey.example.org.", "mail/keys.zone:3 elsewhere.example.", "a.zone:4 example.org."}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	if len(problems) != 2 || problems[0].Line != 5 || problems[1].Line != 6 || problems[0].Kind != Included {
		t.Errorf("problems %v", problems)
	}
}

// What the zone files of servers and panels look like.
func TestReadPeculiar(t *testing.T) {
	zone := "\ufeff$ORIGIN example.org.\r\n$TTL 1h30m\r\n@\tIN\tSOA\tns host (\r\n1 ; serial\r\n7200\r\n900 1209600\r\n300)\r\n" +
		"\tIN 60 NS ns.example.net.\r\n\t7 in ns ns2.example.net.\r\n" +
		"sub\tTXT\t(\"a\"\"b\"\n;comment\n\"c\");end\n$ORIGIN sub\nx TXT a\\ b\\;c \"d\\;e\"\nX A 192.0.2.1\n" +
		"$GENERATE 1-2 h$ MX 10 m$\n_25._tcp TLSA 3 1 1 (\n00112233\n44 )\n"
	entries := zoneOf(t, zone, "")
	var got []string
	for _, e := range entries {
		got = append(got, fmt.Sprintf("%d %s", e.Line, e.String()))
	}
	want := []string{
		"3 example.org. 5400 IN SOA ns.example.org. host.example.org. 1 7200 900 1209600 300",
		"8 example.org. 60 IN NS ns.example.net.",
		"9 example.org. 7 IN NS ns2.example.net.",
		`10 sub.example.org. 5400 IN TXT "abc"`,
		`14 x.sub.example.org. 5400 IN TXT "a b;cd;e"`,
		"15 x.sub.example.org. 5400 IN A 192.0.2.1",
		"16 h1.sub.example.org. 5400 IN MX 10 m1.sub.example.org.",
		"16 h2.sub.example.org. 5400 IN MX 10 m2.sub.example.org.",
		"17 _25._tcp.sub.example.org. 5400 IN TLSA 3 1 1 0011223344",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// The text of a record shows what its data do not.
func TestFields(t *testing.T) {
	entries := zoneOf(t, "@ TXT v=DKIM1; k=rsa; p=x\n@ TXT (\"a\" ; one\n b) ; two\n$GENERATE 1-1 a$ A 192.0.2.1\n", "example.org")
	if f := entries[0].Fields(); len(f) != 1 || f[0] != (Field{Text: "v=DKIM1", Line: 1}) || entries[0].Note() != "k=rsa; p=x" {
		t.Errorf("%+v %q", f, entries[0].Note())
	}
	if f := entries[1].Fields(); len(f) != 2 || f[0] != (Field{Text: "a", Quoted: true, Line: 2}) || f[1] != (Field{Text: "b", Line: 3}) || entries[1].Note() != "one" {
		t.Errorf("%+v %q", f, entries[1].Note())
	}
	if f := entries[2].Fields(); f != nil || !entries[2].Generated {
		t.Errorf("%+v", f)
	}
}

// Behind what cannot be read the reader goes on.
func TestParseGoesOn(t *testing.T) {
	zone := "@ A 192.0.2.1\n@ TXT \"open\n@ A nonsense\nx (\n@ MX 10 a\n"
	file, problems, err := Parse(strings.NewReader(zone), ReadOptions{Origin: "example.org"})
	if err != nil || len(file.Entries) != 2 || file.Entries[1].Type != "MX" || len(problems) != 3 {
		t.Errorf("%v %v %v", file.Entries, problems, err)
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
