package facts

import (
	"errors"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

func TestUpward(t *testing.T) {
	for domain, want := range map[string][]string{
		"example.org.":           {"example.org."},
		"mail.example.co.uk.":    {"mail.example.co.uk.", "example.co.uk."},
		"co.uk.":                 {"co.uk."},
		"a.b.c.d.e.f.g.h.i.org.": {"a.b.c.d.e.f.g.h.i.org.", "b.c.d.e.f.g.h.i.org.", "c.d.e.f.g.h.i.org.", "d.e.f.g.h.i.org.", "e.f.g.h.i.org.", "f.g.h.i.org.", "g.h.i.org.", "i.org."},
	} {
		if got := upward(domain); !slices.Equal(got, want) {
			t.Errorf("upward(%s) = %q, want %q", domain, got, want)
		}
	}
}

func TestStartOf(t *testing.T) {
	answer := func(data string, chain ...record.Record) resolve.Answer {
		return resolve.Answer{Chain: chain, Records: []record.Record{{Name: "example.org.", Type: "SOA", TTL: 900, Data: data}}}
	}
	const data = "ns1.example.org. host\\.master.example.org. 2026112201 7200 3600 1209600 86400"
	s, ok := startOf("example.org.", answer(data))
	if !ok || s.MName != "ns1.example.org." || s.RName != `host\.master.example.org.` || s.Serial != 2026112201 ||
		s.Refresh != 7200 || s.Retry != 3600 || s.Expire != 1209600 || s.Minimum != 86400 {
		t.Errorf("%+v %t", s, ok)
	}
	if got := s.Negative(); got != 900*time.Second {
		t.Errorf("negative TTL %v", got)
	}
	if s.TTL = 0; s.Negative() != 24*time.Hour {
		t.Errorf("negative TTL without a TTL %v", s.Negative())
	}
	if !s.OwnServer("mail.example.org.") || s.OwnServer("example.net.") {
		t.Error("whose server it is")
	}
	for _, a := range []resolve.Answer{
		{}, answer(data, record.Record{Name: "example.org.", Type: "CNAME", Data: "example.net."}),
		answer("ns1.example.org."), answer("a. b. 1 2 3 4 x"), answer("a. b. 1 2 3 4 4294967296"),
	} {
		if _, ok := startOf("example.org.", a); ok {
			t.Errorf("%v was read", a)
		}
	}
}

func TestMailboxOf(t *testing.T) {
	for _, tt := range []struct{ name, address, fault, meant string }{
		{"hostmaster.example.org.", "hostmaster@example.org", "", ""},
		{`john\.doe.example.org.`, "john.doe@example.org", "", ""},
		{`a\046b.example.org.`, "a.b@example.org", "", ""},
		{`hostmaster\@example.org.`, "hostmaster@example@org", `has an "@", which a SOA record writes as a dot`, "hostmaster.example.org."},
		{`jo\.e\@mail.example.org.`, "jo.e@mail@example.org", `has an "@", which a SOA record writes as a dot`, `jo\.e.mail.example.org.`},
		{"hostmaster.example.org.example.org.", "hostmaster@example.org.example.org", "", "hostmaster.example.org."},
		{"hostmaster.mail.example.org.example.org.", "hostmaster@mail.example.org.example.org", "", "hostmaster.mail.example.org."},
		{"root.localhost.", "root@localhost", "is in .localhost, of which the internet knows nothing", ""},
		{"root.", "root@.", "has no domain", ""},
		{".", "@", "names nobody", ""},
	} {
		local, domain, fault := mailboxOf(tt.name)
		if address := (Hostmaster{Local: local, Domain: domain}).Address(); address != tt.address || fault != tt.fault {
			t.Errorf("%s is %s (%s), want %s (%s)", tt.name, address, fault, tt.address, tt.fault)
		}
		if meant := meantMailbox(local, domain, "example.org."); meant != tt.meant {
			t.Errorf("%s: %q was meant, want %q", tt.name, meant, tt.meant)
		}
	}
}

func TestHostmasterTakesMail(t *testing.T) {
	down := errors.New("down")
	mx := func(records ...record.Record) resolve.Answer { return resolve.Answer{Exists: true, Records: records} }
	for name, tt := range map[string]struct {
		h     Hostmaster
		takes bool
		err   error
	}{
		"MX":                {Hostmaster{MX: mx(record.MX("example.org", 10, "mx.example.org"))}, true, nil},
		"null MX":           {Hostmaster{MX: mx(record.MX("example.org", 0, "."))}, false, nil},
		"nothing":           {Hostmaster{MX: mx()}, false, nil},
		"an address":        {Hostmaster{MX: mx(), HostAddrs: HostAddrs{Addrs: []netip.Addr{{}}}}, true, nil},
		"MX not known":      {Hostmaster{MXErr: down}, false, down},
		"address not known": {Hostmaster{MX: mx(), HostAddrs: HostAddrs{Errs: []error{down}}}, false, down},
	} {
		if takes, err := tt.h.TakesMail(); takes != tt.takes || !errors.Is(err, tt.err) {
			t.Errorf("%s: %t %v", name, takes, err)
		}
	}
}

func TestRegistered(t *testing.T) {
	for name, want := range map[string]bool{
		"example.org.": true, "example.co.uk.": true, "firm.example.": true, "mail.example.org.": false, "co.uk.": false, "org.": false,
		"someone.github.io.": false, // in the zone of a hoster
	} {
		if got := registered(name); got != want {
			t.Errorf("registered(%s) = %t", name, got)
		}
	}
}
