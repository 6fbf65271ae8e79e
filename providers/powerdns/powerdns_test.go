package powerdns

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/providers"
	"github.com/maildoctor/maildoctor/providers/providertest"
	"github.com/maildoctor/maildoctor/record"
)

func rr(name, typ string, ttl uint32, data string) record.Record {
	return record.Record{Name: name, Type: typ, TTL: ttl, Data: data}
}

// serve is a small zone in a backend of these tests.
func serve(t *testing.T, b providertest.Backend, zone, kind, soaEditAPI string) *service {
	t.Helper()
	s := b.Serve(t, "for."+zone, []record.Record{
		rr("for."+zone, "SOA", 3600, "ns1.example.net. hostmaster.example.net. 2026112201 7200 3600 1209600 3600"),
		rr("for."+zone, "NS", 3600, "ns1.example.net."),
	}).(*service)
	s = &service{s.url, zone, s.gate}
	s.create(t, kind, soaEditAPI, []record.Record{
		rr(zone, "SOA", 3600, "ns1.example.net. hostmaster.example.net. 2026112201 7200 3600 1209600 3600"),
		rr(zone, "NS", 3600, "ns1.example.net."),
		rr(zone, "NS", 3600, "ns2.example.net."),
		rr(zone, "MX", 3600, "10 mail."+zone),
		rr(zone, "TXT", 600, "v=spf1 a -all"),
		rr(zone, "TXT", 600, "verify=1"),
		rr("mail."+zone, "A", 3600, "192.0.2.25"),
		rr("old."+zone, "CNAME", 3600, "mail."+zone),
	})
	return s
}

// edits replace, create, and put a record in the place of an alias.
func edits(zone string) []record.Edit {
	return []record.Edit{
		record.Set(record.SPF(zone), record.TXT(zone, "v=spf1 mx -all")),
		record.Set(record.DMARC(zone), record.TXT("_dmarc."+zone, "v=DMARC1; p=none")),
		record.Set(record.Slot{Name: "old." + zone, Type: "CNAME"}),
		record.Set(record.Slot{Name: "old." + zone, Type: "A"}, rr("old."+zone, "A", 0, "192.0.2.26")),
		record.Set(record.DKIMKey("s1", zone), record.TXT("s1._domainkey."+zone, "v=DKIM1; p="+strings.Repeat("MIIBIjANBgkqhkiG", 24))),
	}
}

func draft(t *testing.T, to providers.Provider, edits ...record.Edit) plan.Plan {
	t.Helper()
	reading, err := to.Read(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var wishes []plan.Wish
	for _, e := range edits {
		wishes = append(wishes, plan.Wish{Edit: e})
	}
	p, conflicts := plan.Make(reading.Records, wishes, reading.Given(to))
	if len(conflicts) > 0 {
		t.Fatalf("conflicts: %v", conflicts)
	}
	return p
}

func apply(t *testing.T, to providers.Provider, edits ...record.Edit) {
	t.Helper()
	o := providers.Options{Now: time.Now, Keep: func(plan.Snapshot) error { return nil }}
	if outcome, err := providers.Apply(t.Context(), to, draft(t, to, edits...), o); err != nil || len(outcome.Left) > 0 {
		t.Fatalf("Apply: %v, left %v", err, outcome.Left)
	}
}

func (s *service) serial(t *testing.T) uint32 {
	t.Helper()
	n, err := strconv.ParseUint(strings.Fields(s.set(t, s.zone, "SOA").Entries[0].Content)[2], 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	return uint32(n)
}

func opens(t *testing.T, s *service) providers.Provider {
	t.Helper()
	to, err := s.Open(t.Context(), s.zone)
	if err != nil {
		t.Fatal(err)
	}
	return to
}

func TestKeeps(t *testing.T) { keeps(t, backend(t, newFake(testKey))) }

// keeps holds that a change touches nothing beside it that the API knows of and
// records do not: comments, disabled records, and types of PowerDNS.
func keeps(t *testing.T, b providertest.Backend) {
	s := serve(t, b, "keeps.example.", "Native", "DEFAULT")
	comment := []map[string]any{{"content": "ask Anna", "account": "bob", "modified_at": 1700000000}}
	put := func(name, typ string, ttl int, entries ...entry) {
		t.Helper()
		s.write(t, map[string]any{"name": name, "type": typ, "changetype": "REPLACE", "ttl": ttl, "records": entries, "comments": comment})
	}
	put(s.zone, "TXT", 600, entry{Content: `"v=spf1 a -all"`}, entry{Content: `"ver" "ify=1"`}, entry{`"v=spf1 mx -all"`, true}, entry{`"v=spf1 old -all"`, true})
	put("only."+s.zone, "TXT", 600, entry{`"v=spf1 off -all"`, true})
	put("gone."+s.zone, "TXT", 600, entry{Content: `"x"`}, entry{`"y"`, true})
	put("alias."+s.zone, "ALIAS", 600, entry{Content: "host.example.net."})
	put("lua."+s.zone, "LUA", 600, entry{Content: `A "ifportup(25, {'192.0.2.25'})"`})

	to := opens(t, s)
	reading, err := to.Read(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []record.Record{
		rr("alias."+s.zone, "ALIAS", 600, "host.example.net."), rr("lua."+s.zone, "LUA", 600, `A "ifportup(25, {'192.0.2.25'})"`), rr(s.zone, "TXT", 600, "verify=1"),
	} {
		if !slices.Contains(reading.Records, want) {
			t.Errorf("not read: %s", want)
		}
	}
	for _, r := range reading.Records {
		if strings.Contains(r.Data, "old") || strings.Contains(r.Data, "off") || r.Data == "y" {
			t.Errorf("disabled, and read: %s", r)
		}
	}
	apply(t, to,
		record.Set(record.SPF(s.zone), record.TXT(s.zone, "v=spf1 mx -all")),
		record.Set(record.SPF("only."+s.zone), record.TXT("only."+s.zone, "v=spf1 mx -all")),
		record.Set(record.Slot{Name: "gone." + s.zone, Type: "TXT"}))

	for _, tt := range []struct {
		name, typ string
		want      []entry
	}{
		// The record that is wanted was there, disabled: it is not there twice.
		{s.zone, "TXT", []entry{{Content: `"ver" "ify=1"`}, {`"v=spf1 old -all"`, true}, {Content: `"v=spf1 mx -all"`}}},
		{"only." + s.zone, "TXT", []entry{{`"v=spf1 off -all"`, true}, {Content: `"v=spf1 mx -all"`}}},
		{"gone." + s.zone, "TXT", []entry{{`"y"`, true}}},
		{"alias." + s.zone, "ALIAS", []entry{{Content: "host.example.net."}}},
		{"lua." + s.zone, "LUA", []entry{{Content: `A "ifportup(25, {'192.0.2.25'})"`}}},
	} {
		got := s.set(t, tt.name, tt.typ)
		if !slices.Equal(sorted(got.Entries), sorted(tt.want)) {
			t.Errorf("%s %s holds %v, want %v", tt.typ, tt.name, got.Entries, tt.want)
		}
		if got.TTL != 600 || len(got.Comments) != 1 || got.Comments[0] != (fakeComment{"ask Anna", "bob", 1700000000}) {
			t.Errorf("%s %s has the TTL %d and the comments %v", tt.typ, tt.name, got.TTL, got.Comments)
		}
	}
}

func sorted(entries []entry) []string {
	var list []string
	for _, e := range entries {
		list = append(list, fmt.Sprint(e))
	}
	slices.Sort(list)
	return list
}

func TestSerial(t *testing.T) {
	soa := func(serial string) string { return "a. b. " + serial + " 1 2 3 4" }
	for _, tt := range []struct {
		api  string
		was  entry
		want string // empty: the server's affair
	}{
		{"", entry{Content: soa("7")}, soa("8")},
		{"OFF", entry{Content: soa("7")}, soa("8")},
		{"", entry{Content: soa("4294967295")}, soa("1")},
		{"DEFAULT", entry{Content: soa("7")}, ""},
		{"INCREASE", entry{Content: soa("7")}, ""},
		{"", entry{Content: soa("0")}, ""},
		{"", entry{Content: soa("x")}, ""},
		{"", entry{Content: "a. b."}, ""},
		{"", entry{soa("7"), true}, ""},
	} {
		z := zone{Name: "example.org.", SOAEditAPI: tt.api, Sets: []set{{"example.org.", "SOA", 60, []entry{tt.was}}}}
		todo := plan.Plan{Zone: z.Name, Changes: []plan.Change{{Slot: record.SPF(z.Name), After: []record.Record{record.TXT(z.Name, "v=spf1 -all")}}}}
		list, err := z.changed(todo)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, c := range list {
			if c.Type == "SOA" {
				got = (*c.Entries)[0].Content
			}
		}
		if got != tt.want {
			t.Errorf("SOA-EDIT-API %q, %v: written %q, want %q", tt.api, tt.was, got, tt.want)
		}
	}
}

func TestTTL(t *testing.T) {
	texts := func(ttl uint32, entries ...entry) set { return set{"example.org.", "TXT", ttl, entries} }
	spf, other := entry{Content: `"v=spf1 a -all"`}, entry{Content: `"other"`}
	for _, tt := range []struct {
		was        set
		said, want uint32
	}{
		{texts(0), 0, defaultTTL},
		{texts(0), 60, 60},
		{texts(600, spf), 0, 600},
		{texts(600, spf), 60, 60},
		{texts(0, spf), 0, 0},
		{texts(600, spf, other), 60, 600},
		{texts(0, spf, other), 60, 0},
		{texts(600, spf, entry{`"other"`, true}), 60, 60},
	} {
		after := []record.Record{rr("example.org.", "TXT", tt.said, "v=spf1 -all")}
		if got := tt.was.after([]plan.Change{{Slot: record.SPF("example.org."), After: after}}); got.TTL != tt.want {
			t.Errorf("%v, wanted %d: the TTL is %d, want %d", tt.was, tt.said, got.TTL, tt.want)
		}
	}
}

// A lost answer is told, and the PATCH is not sent again.
func TestNotRepeated(t *testing.T) {
	fake := newFake(testKey)
	s := serve(t, backend(t, fake), "lost.example.", "Native", "")
	to := opens(t, s)
	p := draft(t, to, edits(s.zone)...)
	s.Break(t, providertest.Lost)
	err := to.Write(context.Background(), p)
	if err == nil || !strings.Contains(err.Error(), "not known whether") {
		t.Errorf("Write: %v", err)
	}
	patches := fake.asked(http.MethodPatch)
	if len(patches) != 1 {
		t.Errorf("requests %q", patches)
	}
}

func TestRectify(t *testing.T) {
	for _, tt := range []struct {
		dnssec, automatic bool
		status            int
		want              string // "" no error, else within it
		asked             bool
	}{
		{false, false, http.StatusOK, "", false},
		{true, true, http.StatusOK, "", false},
		{true, false, http.StatusOK, "", true},
		{true, false, http.StatusUnprocessableEntity, "pdnsutil rectify-zone signed.example", true},
	} {
		fake := newFake(testKey)
		s := serve(t, backend(t, fake), "signed.example.", "Native", "")
		fake.zones[s.zone].DNSSEC, fake.zones[s.zone].APIRectify, fake.rectify = tt.dnssec, tt.automatic, tt.status
		to := opens(t, s)
		err := to.Write(t.Context(), draft(t, to, edits(s.zone)...))
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v", tt, err)
		}
		if puts := fake.asked(http.MethodPut); (len(puts) > 0) != tt.asked {
			t.Errorf("%+v: requests %q", tt, puts)
		}
	}
}

// What came as something else than UTF-8 is not written back as U+FFFD.
func TestNotUTF8(t *testing.T) {
	z := zone{Name: "example.org.", Sets: []set{{"example.org.", "TXT", 60, []entry{{Content: "\"\ufffd\""}}}}}
	todo := plan.Plan{Zone: z.Name, Changes: []plan.Change{{Slot: record.SPF(z.Name), After: []record.Record{record.TXT(z.Name, "v=spf1 -all")}}}}
	if list, err := z.changed(todo); err == nil {
		t.Errorf("written: %v", list)
	}
}
