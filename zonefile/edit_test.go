package zonefile

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/maildoctor/maildoctor/record"
)

// now is the day of the serials that tests expect.
var now = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

func txt(name, text string, ttl uint32) record.Record {
	r := record.TXT(name, text)
	r.TTL = ttl
	return r
}

func mx(name string, preference uint16, host string) record.Record {
	return record.MX(name, preference, host)
}

func address(name, data string, ttl uint32) record.Record {
	return record.Record{Name: record.Canonical(name), Type: "A", TTL: ttl, Data: data}
}

func TestEdit(t *testing.T) {
	const org = "example.org"
	long := strings.Repeat("x", 300)
	spf := func(want ...record.Record) record.Edit { return record.Set(record.SPF(org), want...) }
	mxs := func(want ...record.Record) record.Edit { return record.Set(record.MXSet(org), want...) }
	slot := func(name, typ string, want ...record.Record) record.Edit {
		return record.Set(record.Slot{Name: record.Canonical(name + ".example.org"), Type: typ}, want...)
	}
	for name, tt := range map[string]struct {
		edit         record.Edit
		before, want string
	}{
		"a text in its place": {
			spf(txt(org, "v=spf1 mx -all", 0)),
			"$ORIGIN example.org.\n; mail\n@\t3600\tIN  TXT   \"v=spf1 a -all\" ; our SPF\n\n@ TXT \"other\"\n",
			"$ORIGIN example.org.\n; mail\n@\t3600\tIN  TXT   \"v=spf1 mx -all\" ; our SPF\n\n@ TXT \"other\"\n",
		},
		"the serial in its place": {
			spf(txt(org, "v=spf1 mx -all", 0)),
			"$TTL 1h\n@ IN SOA ns host (\n        2026112203 ; serial, YYYYMMDDnn\n        1h 15m 2w 1d )\n@ TXT \"v=spf1 -all\"\n",
			"$TTL 1h\n@ IN SOA ns host (\n        2026112204 ; serial, YYYYMMDDnn\n        1h 15m 2w 1d )\n@ TXT \"v=spf1 mx -all\"\n",
		},
		"nothing": {
			spf(txt(org, "v=spf1 -all", 0)),
			"@ SOA ns host 1 2 3 4 5\n@ TXT v=spf1\\032-all\n",
			"@ SOA ns host 1 2 3 4 5\n@ TXT v=spf1\\032-all\n",
		},
		"the name of the line below": {
			slot("a", "A"),
			"$TTL 60\na       A   192.0.2.1\n        TXT \"stays\" ; x\nb A 192.0.2.2\n",
			"$TTL 60\na       TXT \"stays\" ; x\nb A 192.0.2.2\n",
		},
		"the name of the line below, by tabs": {
			slot("a", "A"),
			"$TTL 60\na\tA\t192.0.2.1\n\tTXT\t\"stays\"\n\tMX\t0 .\n",
			"$TTL 60\na\tTXT\t\"stays\"\n\tMX\t0 .\n",
		},
		"the name behind another origin": {
			slot("a", "A"),
			"$TTL 60\na A 192.0.2.1\n$ORIGIN sub.example.org.\n  TXT \"stays\"\n",
			"$TTL 60\n$ORIGIN sub.example.org.\na.example.org.  TXT \"stays\"\n",
		},
		"the TTL of the line below": {
			slot("a", "A"),
			"a 60 A 192.0.2.1\nb\tA\t192.0.2.2\nc A 192.0.2.3\n",
			"b\t60\tA\t192.0.2.2\nc A 192.0.2.3\n",
		},
		"the TTL of the line below, changed": {
			slot("a", "A", address("a.example.org", "192.0.2.1", 300)),
			"a 1m A 192.0.2.1\nb A 192.0.2.2\nc A 192.0.2.3\n",
			"a 300 A 192.0.2.1\nb 60 A 192.0.2.2\nc A 192.0.2.3\n",
		},
		"a TTL alone": {
			slot("a", "AAAA", record.Record{Name: "a.example.org.", Type: "AAAA", TTL: 300, Data: "2001:db8::1"}),
			"$TTL 60\na IN AAAA 2001:DB8:0:0::1 ; as it was\n",
			"$TTL 60\na 300 IN AAAA 2001:DB8:0:0::1 ; as it was\n",
		},
		"hosts relative as before": {
			mxs(mx(org, 10, "new.example.org"), mx(org, 20, "mx.example.net")),
			"$TTL 60\n@ IN\tMX 10 old\n  IN\tMX 30 gone.example.net. ; backup\nold A 192.0.2.1\n",
			"$TTL 60\n@ IN\tMX 10 new\n  IN\tMX 20 mx.example.net. ; backup\nold A 192.0.2.1\n",
		},
		"one more of a set": {
			mxs(mx(org, 10, "mx.example.org"), mx(org, 20, "mx.example.net")),
			"$TTL 60\n@    IN NS  ns\n     IN MX  10 mx\n     IN TXT \"x\"\n",
			"$TTL 60\n@    IN NS  ns\n     IN MX  10 mx\n     IN MX  20 mx.example.net.\n     IN TXT \"x\"\n",
		},
		"beside its name": {
			slot("a", "TXT", txt("a.example.org", "new", 0)),
			"$TTL 60\na\tIN\tA\t192.0.2.1\nb A 192.0.2.2\n",
			"$TTL 60\na\tIN\tA\t192.0.2.1\na\tIN\tTXT\t\"new\"\nb A 192.0.2.2\n",
		},
		"at the end": {
			record.Set(record.DMARC(org), txt("_dmarc.example.org", "v=DMARC1; p=none", 300)),
			"$TTL 60\n@ SOA ns host 9 2 3 4 5\nb A 192.0.2.2",
			"$TTL 60\n@ SOA ns host 10 2 3 4 5\nb A 192.0.2.2\n_dmarc 300 TXT \"v=DMARC1; p=none\"\n",
		},
		"at the end, below another origin": {
			record.Set(record.DMARC(org), txt("_dmarc.example.org", "v=DMARC1; p=none", 0)),
			"$TTL 60\n@ SOA ns host 9 2 3 4 5\n$ORIGIN sub\nb A 192.0.2.2\n; the end\n",
			"$TTL 60\n@ SOA ns host 10 2 3 4 5\n$ORIGIN sub\nb A 192.0.2.2\n; the end\n_dmarc.example.org. TXT \"v=DMARC1; p=none\"\n",
		},
		"at the end, in columns": {
			record.Set(record.DMARC(org), txt("_dmarc.example.org", "v=DMARC1; p=none", 0)),
			"$TTL 60\nmail          IN A     192.0.2.2\n              IN AAAA  2001:db8::1\n",
			"$TTL 60\nmail          IN A     192.0.2.2\n              IN AAAA  2001:db8::1\n_dmarc        IN TXT \"v=DMARC1; p=none\"\n",
		},
		"at the end, by tabs": {
			record.Set(record.DMARC(org), txt("_dmarc.example.org", "v=DMARC1; p=none", 5)),
			"$TTL 60\nmail\t\tA\t192.0.2.2\n",
			"$TTL 60\nmail\t\tA\t192.0.2.2\n_dmarc\t5\tTXT\t\"v=DMARC1; p=none\"\n",
		},
		"lines that end as before": {
			slot("b", "TXT", txt("b.example.org", long, 0)),
			"\ufeff$TTL 60\r\na A 192.0.2.1 ; x\r\nb A 192.0.2.2\r\n",
			"\ufeff$TTL 60\r\na A 192.0.2.1 ; x\r\nb A 192.0.2.2\r\nb TXT (\r\n    \"" + long[:255] + "\"\r\n    \"" + long[255:] + "\" )\r\n",
		},
		"fewer strings": {
			slot("s._domainkey", "TXT", txt("s._domainkey.example.org", "v=DKIM1; p=", 0)),
			"$TTL 60\ns._domainkey IN TXT ( \"v=DKIM1; k=rsa; \" ; the tags\n\t\"p=AAAA\"\n\t\"BBBB\" ; the key\n\t)  ; ----- DKIM key s\n",
			"$TTL 60\ns._domainkey IN TXT ( \"v=DKIM1; p=\" ; the tags\n\t; the key\n\t)  ; ----- DKIM key s\n",
		},
		"more strings": {
			slot("s._domainkey", "TXT", txt("s._domainkey.example.org", long, 0)),
			"$TTL 60\ns._domainkey IN TXT (\n\t\"v=DKIM1; p=\" ) ; DKIM key s\n",
			"$TTL 60\ns._domainkey IN TXT (\n\t\"" + long[:255] + "\"\n\t\"" + long[255:] + "\" ) ; DKIM key s\n",
		},
		"a text of one word": {
			spf(txt(org, `v=spf1 "\ -all`, 0)),
			"$TTL 60\n@ TXT v=spf1\n",
			"$TTL 60\n@ TXT \"v=spf1 \\\"\\\\ -all\"\n",
		},
		"without $TTL the lines below stay": {
			slot("a", "TXT", txt("a.example.org", "new", 300)),
			"@ SOA ns host 4294967295 2 3 4 5\na A 192.0.2.1\nb A 192.0.2.2\n",
			"@ SOA ns host 1 2 3 4 5\na A 192.0.2.1\nb A 192.0.2.2\na 300 TXT \"new\"\n",
		},
		"all that stands in a set": {
			record.Set(record.Slot{Name: "example.org.", Type: "TXT"}),
			"$TTL 60\n@ MX 0 .\n  TXT a\n  TXT b ; twice\n  TXT b\n; c\n",
			"$TTL 60\n@ MX 0 .\n; c\n",
		},
		"what no blank parts": {
			slot("a", "HTTPS", record.Record{Name: "a.example.org.", Type: "HTTPS", Data: `1 . alpn="h3" port="8443"`}),
			"$TTL 60\na HTTPS ( 1 . alpn=\"h2,h3\" port=443 ) ; web\n",
			"$TTL 60\na HTTPS ( 1 . alpn=\"h3\" port=\"8443\" ) ; web\n",
		},
		"an empty file": {
			slot("a", "A", address("a.example.org", "192.0.2.1", 60)),
			"", "a 60 IN A 192.0.2.1\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Edit([]byte(tt.before), []record.Edit{tt.edit}, EditOptions{Origin: org, Now: now})
			if err != nil || string(got) != tt.want {
				t.Errorf("%v\n%s\nwant\n%s\ngot\n%s", err, tt.before, tt.want, got)
			}
		})
	}
}

func TestEditRefuses(t *testing.T) {
	files := fstest.MapFS{"hosts": {Data: []byte("in A 192.0.2.1\n")}, "soa": {Data: []byte("@ SOA ns host 1 2 3 4 5\n")}}
	want := func(name, data string) record.Edit {
		r := address(name+".example.org", data, 0)
		return record.Set(record.Slot{Name: r.Name, Type: "A"}, r)
	}
	for name, tt := range map[string]struct {
		text string
		edit record.Edit
		want string
	}{
		"generated":        {"a A 192.0.2.1\n$GENERATE 1-2 h$ A 192.0.2.$\n", want("h2", "192.0.2.9"), "x.zone:2: $GENERATE makes A h2.example.org"},
		"included":         {"a A 192.0.2.1\n$INCLUDE hosts\n", want("in", "192.0.2.9"), "hosts:1: A in.example.org stands in an included file"},
		"serial":           {"$INCLUDE soa\na A 192.0.2.1\n", want("a", "192.0.2.9"), "soa:1: the SOA record stands in an included file"},
		"two serials":      {"@ SOA ns host 1 2 3 4 5\n@ SOA ns host 1 2 3 4 5\n", want("a", "192.0.2.9"), "x.zone:2: this is a second SOA"},
		"not readable":     {"a A 192.0.2.1\nb A nonsense\n", want("a", "192.0.2.9"), "x.zone:2: A"},
		"not followed":     {"a A 192.0.2.1\n$INCLUDE missing\n", want("a", "192.0.2.9"), "x.zone:2: $INCLUDE \"missing\""},
		"no such data":     {"a A 192.0.2.1\n", want("a", "2001:db8::1"), "cannot be written"},
		"SOA":              {"@ SOA ns host 1 2 3 4 5\n", record.Set(record.Slot{Name: "example.org.", Type: "SOA"}), "SOA record"},
		"not in the slot":  {"", record.Set(record.SPF("example.org"), txt("example.org", "other", 0)), "does not stand in the slot"},
		"TTL for included": {"a 60 A 192.0.2.1\n$INCLUDE hosts\n", record.Set(record.Slot{Name: "a.example.org.", Type: "A"}), "x.zone:2: $INCLUDE takes a TTL"},
	} {
		got, err := Edit([]byte(tt.text), []record.Edit{tt.edit}, EditOptions{Name: "x.zone", Origin: "example.org", Includes: files})
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want an error with %q\n%s", name, err, tt.want, got)
		}
	}
}

func TestNextSerial(t *testing.T) {
	for _, tt := range []struct {
		serial uint32
		now    time.Time
		want   uint32
	}{
		{1, now, 2},
		{4294967295, now, 1},
		{2147483647, now, 2147483648},
		{2026112200, now, 2026112201},
		{2026112199, now, 2026112201},
		{2026112299, now, 2026112300}, // the day is full
		{2026112305, now, 2026112306}, // of tomorrow
		{2025010101, now, 2026112201},
		{2025130101, now, 2025130102}, // no date
		{2030010101, now, 2030010102}, // far ahead: no date either
		{2026010101, time.Time{}, 2026010102},
		{1795000000, now, uint32(now.Unix())},
		{uint32(now.Unix()), now, uint32(now.Unix()) + 1},
		{1000000000, now, 1000000001}, // long ago: a counter
		{26112201, now, 26112202},
	} {
		got := NextSerial(tt.serial, tt.now)
		if got != tt.want || !later(got, tt.serial) {
			t.Errorf("%d becomes %d, want %d", tt.serial, got, tt.want)
		}
	}
}
