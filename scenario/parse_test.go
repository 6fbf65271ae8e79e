package scenario

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

var worlds = fstest.MapFS{
	"well.txtar": {Data: []byte(`All is well.
domain: example.org

-- zone --
@ MX 10 mx
@ TXT "v=spf1 mx -all"
@ TXT "verification=1"
mx A 192.0.2.25
_dmarc TXT "v=DMARC1; p=reject"
-- smtp/192.0.2.25:25 --
220 mx.example.org ESMTP
`)},
	"sick.txtar": {Data: []byte(`Not so here.
like: well
selectors: s1 s2
ips: 192.0.2.25 2001:db8::25
here: 192.0.2.25
helo: MX.example.org
now: 2030-01-02T03:04:05Z
smtp: off
world: none

-- zone --
@ TXT "v=spf1 -all"
-- without --
TXT _dmarc
-- faults --
# a comment
TXT _dmarc SERVFAIL 6 signature expired
* *.zen.example. SLOW 3s
-- smtp/192.0.2.25:25 --
!silent
-- want --
fail spf.something: because

`)},
	"loop.txtar": {Data: []byte("like: loop\n")},
}

func TestLoad(t *testing.T) {
	s, err := Load(worlds, "sick.txtar")
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, r := range s.Records {
		if r.Type == "TXT" {
			texts = append(texts, r.Name+" "+r.Data)
		}
	}
	if want := []string{"example.org. v=spf1 -all", "example.org. verification=1"}; !slices.Equal(texts, want) {
		t.Errorf("texts %q, want %q: a slot given takes the place of the slot there", texts, want)
	}
	if s.Domain != "example.org." || !s.NoSMTP || len(s.Want.Selectors) != 2 || len(s.Want.Senders) != 2 || len(s.Here) != 1 ||
		s.Want.HELO != "mx.example.org." || !s.Now.Equal(time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)) {
		t.Errorf("settings: %+v", s)
	}
	if len(s.Faults) != 2 || s.Faults[0].Kind != resolve.ServFail || s.Faults[0].Name != "_dmarc.example.org." || len(s.Faults[0].Extended) != 1 ||
		s.Faults[1].Delay != 3*time.Second || s.Faults[1].Name != "*.zen.example." {
		t.Errorf("faults: %+v", s.Faults)
	}
	if len(s.Hosts) != 1 || !s.Slow() {
		t.Errorf("%d hosts, slow %v; the host there is replaced by a silent one", len(s.Hosts), s.Slow())
	}
	if !slices.Equal(s.Expect, []string{"fail spf.something: because"}) {
		t.Errorf("want %q", s.Expect)
	}
}

func TestBaseInternet(t *testing.T) {
	s, err := Load(worlds, "well.txtar")
	if err != nil {
		t.Fatal(err)
	}
	ns := func(r record.Record) bool { return r.Name == "example.org." && r.Type == "NS" && r.Data == servers[0] }
	if !slices.ContainsFunc(s.Records, ns) || len(s.Hosts) < 3 {
		t.Errorf("%d hosts and no name server of the world's own", len(s.Hosts))
	}
}

func TestParseErrors(t *testing.T) {
	for text, want := range map[string]string{
		"domain: a..b\n":                                    "domain: has an empty label",
		"-- zone --\n@ A 192.0.2.1\n":                       "no origin",
		"-- zone example.org --\n@ A nonsense\n":            "section",
		"-- zoo --\n":                                       "no such section",
		"domain: example.org\n-- faults --\nTXT a BROKEN\n": `no fault "BROKEN"`,
		"domain: example.org\n-- faults --\nTXT a SLOW\n":   "SLOW wants a duration",
		"domain: example.org\n-- faults --\nTXT a\n":        "want TYPE NAME FAULT",
		"domain: example.org\n-- without --\nTXT\n":         "want TYPE NAME",
		"domain: example.org\n-- smtp/nowhere --\n220 x\n":  "section",
		"ips: 192.0.2\n":                                    "ips",
		"now: yesterday\n":                                  "now",
	} {
		if _, err := Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want an error with %q", text, err, want)
		}
	}
	if _, err := Load(worlds, "loop.txtar"); err == nil || !strings.Contains(err.Error(), "like each other") {
		t.Errorf("a loop of likes: %v", err)
	}
}

func TestWithWant(t *testing.T) {
	s, err := Load(worlds, "sick.txtar")
	if err != nil {
		t.Fatal(err)
	}
	lines := []string{"fail a.b: c", "skip d.e: f"}
	again, err := settings(s.WithWant(lines))
	if err == nil {
		again.Domain = s.Domain
		err = again.sections()
	}
	if err != nil || !slices.Equal(again.Expect, lines) {
		t.Errorf("reads back as %q, %v", again.Expect, err)
	}
}

func FuzzParse(f *testing.F) {
	for _, file := range worlds {
		f.Add(file.Data)
	}
	f.Add(internet)
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<14 || strings.Contains(strings.ToUpper(string(data)), "$GENERATE") {
			t.Skip("bounded elsewhere")
		}
		if s, err := Parse(data); err == nil {
			s.WithWant(s.Expect)
			s.Slow()
		}
	})
}
