package primary

import (
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/maildoctor/maildoctor/peertest"
	"github.com/maildoctor/maildoctor/record"
)

const apex = "example.org."

func r(name, typ, data string) record.Record {
	name = record.Canonical(strings.TrimPrefix(name+"."+apex, "@."))
	return record.Record{Name: name, Type: typ, TTL: 300, Data: data}
}

func records() []record.Record {
	return []record.Record{
		r("@", "SOA", "ns1.example.org. hostmaster.example.org. 1 7200 3600 1209600 60"),
		r("@", "NS", "ns1.example.org."),
		r("ns1", "A", "192.0.2.53"),
		r("@", "TXT", "one"), r("@", "TXT", "two"),
		r("www", "CNAME", "web.example.org."), r("web", "A", "192.0.2.80"),
		r("away", "CNAME", "web.example.net."),
		r("loop", "CNAME", "pool.example.org."), r("pool", "CNAME", "loop.example.org."),
		r("*.wild", "TXT", "w"), r("child.ent", "A", "192.0.2.1"),
		r("cut", "NS", "ns.example.net."), r("cut", "DS", "1 8 2 "+strings.Repeat("00", 32)),
		r("alias", "DNAME", "example.net."),
	}
}

var secret = []byte("0123456789abcdef0123456789abcdef")

// start serves the zone; the key "all" may do everything, "none" nothing.
func start(t *testing.T) (*Server, string) {
	t.Helper()
	s, err := New(Options{Zone: "Example.org", Records: records(), Keys: []Key{
		{Name: "all", Algorithm: "hmac-sha256", Secret: secret, Rights: Rights{Transfer: true, Update: true}},
		{Name: "none", Algorithm: "hmac-sha256", Secret: secret},
	}})
	if err != nil {
		t.Fatal(err)
	}
	address, err := s.Listen()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s, address
}

// exchange sends a message with a key; empty for none.
func exchange(t *testing.T, network, address, key string, m *dns.Msg) *dns.Msg {
	t.Helper()
	client := dns.Client{Net: network, Timeout: 5 * time.Second}
	if key != "" {
		client.TsigSecret = map[string]string{key: base64.StdEncoding.EncodeToString(secret)}
		m.SetTsig(key, dns.HmacSHA256, 300, time.Now().Unix())
	}
	answer, _, err := client.Exchange(m, address)
	if answer == nil { // NOTAUTH is an error to the library, and an answer
		t.Fatal(err)
	}
	return answer
}

func TestQueries(t *testing.T) {
	_, address := start(t)
	tests := []struct{ name, typ, want string }{
		{"@", "TXT", "AA NOERROR TXT TXT"},
		{"@", "SOA", "AA NOERROR SOA"},
		{"WWW", "A", "AA NOERROR CNAME A"},
		{"www", "CNAME", "AA NOERROR CNAME"},
		{"away", "A", "AA NOERROR CNAME"},
		{"loop", "A", "AA NOERROR CNAME CNAME CNAME CNAME CNAME CNAME CNAME CNAME"},
		{"x.wild", "TXT", "AA NOERROR TXT"},
		{"x.y.wild", "TXT", "AA NOERROR TXT"},
		{"x.wild", "A", "AA NOERROR / SOA"},
		{"wild", "TXT", "AA NOERROR / SOA"},
		{"ent", "A", "AA NOERROR / SOA"},
		{"x.ent", "A", "AA NXDOMAIN / SOA"},
		{"nothing", "A", "AA NXDOMAIN / SOA"},
		{"x.cut", "A", "NOERROR / NS"},
		{"cut", "A", "NOERROR / NS"},
		{"cut", "DS", "AA NOERROR DS"},
		{"x.alias", "A", "AA NOERROR DNAME CNAME"},
		{"alias", "DNAME", "AA NOERROR DNAME"},
		{"web", "ANY", "AA NOERROR A"},
		{"@", "AXFR", "REFUSED"},
		{"example.net.", "A", "REFUSED"},
		{"org.", "SOA", "REFUSED"},
	}
	for _, network := range []string{"udp", "tcp"} {
		for _, tt := range tests {
			name := tt.name
			if !strings.HasSuffix(name, ".") {
				name = r(tt.name, "", "").Name
			}
			m := exchange(t, network, address, "", new(dns.Msg).SetQuestion(name, dns.StringToType[tt.typ]))
			if got := summary(m); got != tt.want {
				t.Errorf("%s %s over %s: %s, want %s", tt.name, tt.typ, network, got, tt.want)
			}
		}
	}
}

// summary is a message in short: flags, code, the types of the answer, / and those
// of the authority section.
func summary(m *dns.Msg) string {
	var words []string
	if m.Authoritative {
		words = append(words, "AA")
	}
	words = append(words, dns.RcodeToString[m.Rcode])
	for _, rr := range m.Answer {
		words = append(words, dns.Type(rr.Header().Rrtype).String())
	}
	if len(m.Ns) > 0 {
		words = append(words, "/")
	}
	for _, rr := range m.Ns {
		words = append(words, dns.Type(rr.Header().Rrtype).String())
	}
	return strings.Join(words, " ")
}

// rr is a record of the library from a line; "ANY 0" and the like are classes
// without data.
func rr(t *testing.T, line string) dns.RR {
	t.Helper()
	f := strings.SplitN(line, " ", 5) // name TTL class type data
	class := map[string]uint16{"IN": dns.ClassINET, "NONE": dns.ClassNONE, "ANY": dns.ClassANY, "CH": dns.ClassCHAOS}[f[2]]
	h := dns.RR_Header{Name: r(f[0], "", "").Name, Rrtype: dns.StringToType[f[3]], Class: class}
	if strings.HasSuffix(f[0], ".") {
		h.Name = f[0]
	}
	fmt.Sscan(f[1], &h.Ttl)
	if len(f) == 4 {
		return &dns.ANY{Hdr: h}
	}
	x, err := dns.NewRR(h.Name + " IN " + f[3] + " " + f[4])
	if err != nil {
		t.Fatal(err)
	}
	*x.Header() = h
	return x
}

// The sections of RFC 2136, 2.4, 2.5, 3.2 and 3.4.
func TestUpdates(t *testing.T) {
	tests := []struct {
		name   string
		basis  []string
		change []string
		code   string
		gone   []record.Record
		came   []record.Record
	}{
		{name: "nothing", code: "NOERROR"},
		{name: "add", change: []string{`new 5 IN TXT x`}, code: "NOERROR", came: []record.Record{{Name: "new." + apex, Type: "TXT", TTL: 5, Data: "x"}}},
		{name: "add what is there", change: []string{`@ 300 IN TXT one`}, code: "NOERROR"},
		{name: "add with another TTL", change: []string{`web 5 IN A 192.0.2.80`}, code: "NOERROR",
			gone: []record.Record{r("web", "A", "192.0.2.80")}, came: []record.Record{{Name: "web." + apex, Type: "A", TTL: 5, Data: "192.0.2.80"}}},
		{name: "delete one", change: []string{`@ 0 NONE TXT one`}, code: "NOERROR", gone: []record.Record{r("@", "TXT", "one")}},
		{name: "delete none", change: []string{`@ 0 NONE TXT three`}, code: "NOERROR"},
		{name: "delete a set", change: []string{`@ 0 ANY TXT`}, code: "NOERROR", gone: []record.Record{r("@", "TXT", "one"), r("@", "TXT", "two")}},
		{name: "delete a name", change: []string{`cut 0 ANY ANY`}, code: "NOERROR", gone: []record.Record{r("cut", "NS", "ns.example.net."), r("cut", "DS", "1 8 2 "+strings.Repeat("00", 32))}},
		{name: "delete the apex", change: []string{`@ 0 ANY ANY`, `@ 0 ANY SOA`, `@ 0 ANY NS`, `@ 0 NONE NS ns1.example.org.`}, code: "NOERROR", gone: []record.Record{r("@", "TXT", "one"), r("@", "TXT", "two")}},
		{name: "a CNAME beside others", change: []string{`@ 300 IN CNAME web.example.org.`}, code: "NOERROR"},
		{name: "others beside a CNAME", change: []string{`www 300 IN TXT x`}, code: "NOERROR"},
		{name: "another CNAME", change: []string{`www 300 IN CNAME ns1.example.org.`}, code: "NOERROR", gone: []record.Record{r("www", "CNAME", "web.example.org.")}, came: []record.Record{r("www", "CNAME", "ns1.example.org.")}},
		{name: "others in the place of a CNAME", change: []string{`www 0 ANY CNAME`, `www 300 IN TXT x`}, code: "NOERROR", gone: []record.Record{r("www", "CNAME", "web.example.org.")}, came: []record.Record{r("www", "TXT", "x")}},
		{name: "all or nothing", change: []string{`new 5 IN TXT x`, `new 5 CH TXT x`}, code: "FORMERR"},
		{name: "outside of the zone", change: []string{`example.net. 5 IN TXT x`}, code: "NOTZONE"},
		{name: "a question's type", change: []string{`new 0 ANY AXFR`}, code: "FORMERR"},
		{name: "a deletion with a TTL", change: []string{`@ 1 ANY TXT`}, code: "FORMERR"},

		{name: "a set exists", basis: []string{`@ 0 ANY TXT`}, change: []string{`new 300 IN TXT x`}, code: "NOERROR", came: []record.Record{r("new", "TXT", "x")}},
		{name: "a set exists, and does not", basis: []string{`web 0 ANY TXT`}, change: []string{`new 300 IN TXT x`}, code: "NXRRSET"},
		{name: "a wildcard does not count", basis: []string{`x.wild 0 ANY TXT`}, change: []string{`new 300 IN TXT x`}, code: "NXRRSET"},
		{name: "a set with just these", basis: []string{`@ 0 IN TXT two`, `@ 0 IN TXT one`}, change: []string{`new 300 IN TXT x`}, code: "NOERROR", came: []record.Record{r("new", "TXT", "x")}},
		{name: "a set with more", basis: []string{`@ 0 IN TXT two`}, change: []string{`new 300 IN TXT x`}, code: "NXRRSET"},
		{name: "a set with less", basis: []string{`@ 0 IN TXT two`, `@ 0 IN TXT one`, `@ 0 IN TXT three`}, change: []string{`new 300 IN TXT x`}, code: "NXRRSET"},
		{name: "names in any case", basis: []string{`www 0 IN CNAME WEB.Example.org.`}, change: []string{`new 300 IN TXT x`}, code: "NOERROR", came: []record.Record{r("new", "TXT", "x")}},
		{name: "no set", basis: []string{`web 0 NONE TXT`}, change: []string{`new 300 IN TXT x`}, code: "NOERROR", came: []record.Record{r("new", "TXT", "x")}},
		{name: "no set, and there is", basis: []string{`@ 0 NONE TXT`}, change: []string{`new 300 IN TXT x`}, code: "YXRRSET"},
		{name: "a name exists", basis: []string{`web 0 ANY ANY`}, code: "NOERROR"},
		{name: "a name exists, and does not", basis: []string{`x.wild 0 ANY ANY`}, code: "NXDOMAIN"},
		{name: "no name", basis: []string{`ent 0 NONE ANY`}, code: "NOERROR"}, // with records: RFC 2136, 2.4.4
		{name: "no name, and there is", basis: []string{`web 0 NONE ANY`}, code: "YXDOMAIN"},
		{name: "a basis with a TTL", basis: []string{`@ 1 ANY TXT`}, code: "FORMERR"},
		{name: "a basis outside", basis: []string{`example.net. 0 ANY TXT`}, code: "NOTZONE"},
		{name: "a basis with data", basis: []string{`@ 0 NONE TXT one`}, code: "FORMERR"},
		{name: "a basis of another class", basis: []string{`@ 0 CH TXT one`}, code: "FORMERR"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, address := start(t)
			m := new(dns.Msg).SetUpdate(apex)
			for _, line := range tt.basis {
				m.Answer = append(m.Answer, rr(t, line))
			}
			for _, line := range tt.change {
				m.Ns = append(m.Ns, rr(t, line))
			}
			if got := dns.RcodeToString[exchange(t, "tcp", address, "all.", m).Rcode]; got != tt.code {
				t.Errorf("%s, want %s", got, tt.code)
			}
			want := slices.DeleteFunc(records(), func(r record.Record) bool { return slices.Contains(tt.gone, r) })
			want = record.Sorted(append(want, tt.came...))
			if len(tt.gone)+len(tt.came) > 0 { // the serial goes up
				for i := range want {
					if want[i].Type == "SOA" {
						want[i].Data = strings.Replace(want[i].Data, " 1 ", " 2 ", 1)
					}
				}
			}
			if got := record.Sorted(s.Records()); !slices.Equal(got, want) {
				t.Errorf("the zone holds %v\nwant %v", got, want)
			}
		})
	}
}

func TestRights(t *testing.T) {
	s, address := start(t)
	was := s.Records()
	for key, want := range map[string]int{"": dns.RcodeRefused, "none.": dns.RcodeRefused} {
		m := new(dns.Msg).SetUpdate(apex)
		m.Insert([]dns.RR{rr(t, `new 5 IN TXT x`)})
		if got := exchange(t, "tcp", address, key, m).Rcode; got != want {
			t.Errorf("an update by %q: %s", key, dns.RcodeToString[got])
		}
		if got := exchange(t, "tcp", address, key, new(dns.Msg).SetAxfr(apex)).Rcode; got != want {
			t.Errorf("a transfer to %q: %s", key, dns.RcodeToString[got])
		}
	}
	for zone, want := range map[string]int{"example.net.": dns.RcodeNotAuth, "www.example.org.": dns.RcodeNotAuth} {
		if got := exchange(t, "tcp", address, "all.", new(dns.Msg).SetUpdate(zone)).Rcode; got != want {
			t.Errorf("an update of %s: %s", zone, dns.RcodeToString[got])
		}
	}
	notify := new(dns.Msg).SetNotify(apex)
	if got := exchange(t, "tcp", address, "", notify).Rcode; got != dns.RcodeNotImplemented {
		t.Errorf("NOTIFY: %s", dns.RcodeToString[got])
	}
	if !slices.Equal(s.Records(), was) {
		t.Error("something was written")
	}
}

func TestNew(t *testing.T) {
	for name, o := range map[string]Options{
		"no SOA":          {Zone: apex, Records: records()[1:]},
		"no NS":           {Zone: apex, Records: records()[:1]},
		"outside":         {Zone: apex, Records: append(records(), record.TXT("example.net", "x"))},
		"no record":       {Zone: apex, Records: append(records(), r("x", "A", "here"))},
		"a key for none":  {Zone: apex, Records: records(), Keys: []Key{{Name: "k", Algorithm: "hmac-md5", Secret: secret}}},
		"an empty secret": {Zone: apex, Records: records(), Keys: []Key{{Name: "k", Algorithm: "hmac-sha256"}}},
	} {
		if _, err := New(o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// The tools of others speak with it.
func TestPeers(t *testing.T) {
	s, address := start(t)
	host, port, _ := strings.Cut(address, ":")
	key := filepath.Join(t.TempDir(), "key")
	text := fmt.Sprintf("key \"all\" { algorithm hmac-sha256; secret %q; };\n", base64.StdEncoding.EncodeToString(secret))
	if err := os.WriteFile(key, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(input, name string, args ...string) string {
		cmd := exec.Command(peertest.Program(t, name), args...)
		cmd.Stdin = strings.NewReader(input)
		return peertest.Run(t, cmd)
	}
	run("server "+host+" "+port+"\nzone example.org\nprereq yxrrset example.org TXT\nprereq nxdomain new.example.org\n"+
		"update delete example.org TXT \"one\"\nupdate add new.example.org 60 TXT \"a\" \"b\"\nsend\n", "nsupdate", "-v", "-k", key)
	if list := s.Records(); !slices.Contains(list, record.Record{Name: "new." + apex, Type: "TXT", TTL: 60, Data: "ab"}) || slices.Contains(list, r("@", "TXT", "one")) {
		t.Errorf("nsupdate: the zone holds %v", list)
	}
	output := run("", "dig", "@"+host, "-p", port, "-y", "hmac-sha256:all:"+base64.StdEncoding.EncodeToString(secret), "example.org", "AXFR")
	if n := strings.Count(output, "\tSOA\t"); n != 2 || !strings.Contains(output, "TSIG") || strings.Contains(output, "verify") || !strings.Contains(output, `"a" "b"`) {
		t.Errorf("dig:\n%s", output)
	}
}
