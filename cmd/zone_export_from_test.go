package cmd

import (
	"bytes"
	"encoding/base64"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/providers"
	cloud "github.com/maildoctor/maildoctor/providers/cloudflare/fake"
	"github.com/maildoctor/maildoctor/providers/rfc2136/primary"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/zonefile"
)

// What is known of a record beside its data stands above it, and what a zone
// file has not is left out.
func TestKeptOfALiveZone(t *testing.T) {
	const zone = "example.org."
	www, mail, routed := data("www.example.org.", "A", "192.0.2.80"), data("mail.example.org.", "A", "192.0.2.25"), data("sub.example.org.", "MX", "10 route1.mx.cloudflare.net.")
	spf, key := data(zone, "TXT", "v=spf1 mx -all"), data("s._domainkey.example.org.", "TXT", "v=DKIM1; p=")
	ns := data(zone, "NS", "ns1.example.net.")
	live := liveZone{
		zone: zone, from: "Cloudflare", marked: true, chosen: 300,
		reading: providers.Reading{
			Records: []record.Record{ns, www, mail, routed, spf, key, data(zone, "DNSKEY", "256 3 13 AA=="), data("a.example.net.", "A", "192.0.2.1")},
			Marks:   map[record.Record]providers.Mark{www: {Proxied: true}, routed: {Locked: "Email Routing"}, spf: {Ours: true}},
		},
		ours: func(r record.Record) bool { return r == key },
	}
	f := exportFlags{cloudflare: true, now: func() time.Time { return time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC) }}
	entries, err := f.kept(live)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := zonefile.Write(&b, entries, zonefile.WriteOptions{Origin: zone, Form: zonefile.Cloudflare, Header: f.liveHeader(live)}); err != nil {
		t.Fatal(err)
	}
	want := `; example.org
; What Cloudflare held of the zone at 2026-11-22T09:00:00Z. Its SOA and NS
; records are left out; they stay as they are. So is what the signer of the
; zone makes (DNSSEC).

; made by maildoctor
example.org. 300 IN TXT "v=spf1 mx -all"

; made by maildoctor
s._domainkey.example.org. 300 IN TXT "v=DKIM1; p="
mail.example.org. 300 IN A 192.0.2.25 ; cf_tags=cf-proxied:false

; of Email Routing, and not to be changed
sub.example.org. 300 IN MX 10 route1.mx.cloudflare.net.

; proxied
www.example.org. 300 IN A 192.0.2.80
`
	if b.String() != want {
		t.Errorf("got:\n%s\nwant:\n%s", b.String(), want)
	}
	// Cloudflare tells no SOA record: a whole zone gets one, with the name servers there are.
	f.full, f.cloudflare = true, false
	whole, err := f.kept(live)
	if err != nil {
		t.Fatal(err)
	}
	count := func(typ string) (n int) {
		for _, e := range whole {
			if e.Type == typ && e.Name == zone {
				n++
			}
		}
		return n
	}
	if count("SOA") != 1 || count("NS") == 0 || zonefile.Write(&b, whole, zonefile.WriteOptions{Origin: zone, Full: true}) != nil {
		t.Errorf("a whole zone is %v", whole)
	}
	live.reading.Records = slices.DeleteFunc(live.reading.Records, func(r record.Record) bool { return r == ns })
	if _, err := f.kept(live); err == nil || !strings.Contains(err.Error(), "--ns") {
		t.Errorf("without a name server: %v", err)
	}
}

// exportedFrom runs zone export with an environment.
func exportedFrom(t *testing.T, env map[string]string, args ...string) (out, errs string, code int) {
	t.Helper()
	env["XDG_STATE_HOME"] = t.TempDir()
	var stdout, stderr bytes.Buffer
	a := &app{in: strings.NewReader(""), out: &stdout, err: &stderr, env: func(name string) string { return env[name] }}
	a.wire()
	code = a.main(append([]string{"zone", "export"}, args...))
	return stdout.String(), stderr.String(), code
}

// A name server gives its zone to who may transfer it, and the file reads back
// as the zone.
func TestExportByTransfer(t *testing.T) {
	const zone = "example.org."
	records := []record.Record{
		data(zone, "SOA", "ns1.example.net. hostmaster.example.org. 1 7200 900 1209600 300"), data(zone, "NS", "ns1.example.net."),
		data(zone, "TXT", "v=spf1 mx -all"), data(zone, "TXT", strings.Repeat("x", 300)+"\"\\\xff"), data("*.example.org.", "MX", "10 mail.example.org."),
	}
	secret := []byte("0123456789abcdef0123456789abcdef")
	server, err := primary.New(primary.Options{Zone: zone, Records: records, Keys: []primary.Key{{Name: "k.", Algorithm: "hmac-sha256", Secret: secret, Rights: primary.Rights{Transfer: true}}}})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	address, err := server.Listen()
	if err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(t.TempDir(), "k.key")
	if err := os.WriteFile(key, []byte(`key "k" { algorithm hmac-sha256; secret "`+base64.StdEncoding.EncodeToString(secret)+`"; };`), 0o600); err != nil {
		t.Fatal(err)
	}
	out, errs, code := exportedFrom(t, map[string]string{}, "mail.example.org", "--from", "rfc2136:"+address, "--tsig-key", key, "--full")
	if code != exitHealthy {
		t.Fatalf("ends with %d: %s", code, errs)
	}
	read, err := zonefile.Read(strings.NewReader(out), zone)
	if err != nil || !slices.Equal(record.Sorted(read), record.Sorted(records)) {
		t.Errorf("%v: the file reads back as\n%q\nnot\n%q", err, record.Sorted(read), record.Sorted(records))
	}
	out, errs, code = exportedFrom(t, map[string]string{}, "example.org", "--from", "rfc2136:"+address)
	if code != exitFailed || out != "" || !strings.Contains(errs, "AXFR") {
		t.Errorf("without the key it ends with %d: %s%s", code, out, errs)
	}
}

// What Cloudflare holds is written for its own import: what is proxied may be
// again, what is not must not.
func TestExportFromCloudflare(t *testing.T) {
	api := cloud.New()
	zone, err := api.AddZone("example.org.", record.MX("example.org", 10, "mail.example.org"), data("mail.example.org.", "A", "192.0.2.25"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := zone.Add(cloud.Record{Name: "www.example.org", Type: "A", Content: "192.0.2.80", TTL: 1, Proxied: true}); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(api)
	defer server.Close()
	env := map[string]string{"CLOUDFLARE_API_TOKEN": api.Token("", cloud.Everything), "CLOUDFLARE_BASE_URL": server.URL + "/client/v4/"}
	for form, lines := range map[string][]string{
		"cloudflare": {"example.org. 1 IN MX 10 mail.example.org.", "mail.example.org. 300 IN A 192.0.2.25 ; cf_tags=cf-proxied:false", "; proxied", "www.example.org. 1 IN A 192.0.2.80"},
		"plain":      {"example.org. 300 IN MX 10 mail.example.org.", "mail.example.org. 300 IN A 192.0.2.25", "; proxied", "www.example.org. 300 IN A 192.0.2.80"},
	} {
		out, errs, code := exportedFrom(t, env, "example.org", "--from", "cloudflare", "--form", form)
		_, body, _ := strings.Cut(out, "\n\n")
		if code != exitHealthy || strings.Join(strings.Fields(body), " ") != strings.Join(lines, " ") {
			t.Errorf("%s ends with %d: %s\n%s", form, code, errs, out)
		}
	}
}
