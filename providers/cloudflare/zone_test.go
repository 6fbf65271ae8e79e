package cloudflare_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/maildoctor/maildoctor/providers"
	"github.com/maildoctor/maildoctor/providers/cloudflare"
	"github.com/maildoctor/maildoctor/providers/cloudflare/fake"
	"github.com/maildoctor/maildoctor/record"
)

func TestOpen(t *testing.T) {
	api := fake.New()
	for _, name := range []string{"example.org", "eu.example.org", "xn--bcher-kva.example", "org"} {
		if _, err := api.AddZone(name); err != nil {
			t.Fatal(err)
		}
	}
	token := api.Token("", fake.Everything)
	for domain, want := range map[string]string{
		"example.org":                  "example.org.",
		"Example.ORG.":                 "example.org.",
		"a.b.c.example.org":            "example.org.",
		"mail.eu.example.org":          "eu.example.org.",
		"neu.example.org":              "example.org.",
		"www.xn--bcher-kva.example":    "xn--bcher-kva.example.",
		"example.net":                  "", // the zone org is not that of it
		"notexample.org":               "",
		"org":                          "",
		".":                            "",
		"eu.example.org.evil.example":  "",
		"example.org/../other.example": "",
	} {
		p, err := cloudflare.Open(t.Context(), domain, cloudflare.Options{Token: " " + token + "\n", Client: &http.Client{Transport: api}})
		switch {
		case want == "" && !errors.Is(err, providers.ErrNoZone):
			t.Errorf("%s: %v, want ErrNoZone", domain, err)
		case want != "" && err != nil:
			t.Errorf("%s: %v", domain, err)
		case want != "" && p.Zone() != want:
			t.Errorf("%s: the zone is %s", domain, p.Zone())
		}
	}
}

// Where several accounts have a zone of the name, the one that is active counts.
func TestSeveralZones(t *testing.T) {
	s := newStage(t)
	second, err := s.api.AddZone("example.org", record.TXT("example.org", "second"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.open(t.Context()); err == nil || !strings.Contains(err.Error(), "2 zones of this name") {
		t.Errorf("%v", err)
	}
	s.zone.Set("moved", "full")
	_, reading := s.must()
	if len(reading.Records) != 1 {
		t.Errorf("read %v", reading.Records)
	}
	second.Set("moved", "full")
	if _, err := s.open(t.Context()); err == nil || !strings.Contains(err.Error(), "2 zones of this name") {
		t.Errorf("%v", err)
	}
}

func TestNotes(t *testing.T) {
	for _, tt := range []struct{ status, typ, want string }{
		{"active", "full", ""},
		{"pending", "full", "example.org is pending at Cloudflare"},
		{"moved", "full", `the status of example.org at Cloudflare is "moved"`},
		{"active", "partial", "partial (CNAME) zone"},
		{"active", "secondary", "changed there"},
	} {
		s := newStage(t)
		s.zone.Set(tt.status, tt.typ)
		p, _ := s.must()
		if got := strings.Join(p.Notes(), "; "); !strings.Contains(got, tt.want) || (tt.want == "") != (got == "") {
			t.Errorf("%s %s: %q", tt.status, tt.typ, got)
		}
	}
}

// The token goes to Cloudflare, or to this machine.
func TestBaseURL(t *testing.T) {
	for base, ok := range map[string]bool{
		"https://api.example.net/client/v4": true, "http://127.0.0.1:8080": true, "http://[::1]:1": true, "http://localhost": true, "": true,
		"http://api.cloudflare.com/client/v4": false, "http://192.0.2.1": false, "ftp://localhost": false, "https://": false, "https://a@b": false,
		"api.cloudflare.com": false, "https://x/?a=b": false, "::": false, "http://localhost.example.net": false,
	} {
		api := fake.New()
		_, err := cloudflare.Open(t.Context(), "example.org", cloudflare.Options{Token: api.Token("", fake.Everything), BaseURL: base, Client: &http.Client{Transport: api}})
		if got := errors.Is(err, providers.ErrNoZone); got != ok {
			t.Errorf("%q: %v", base, err)
		}
	}
}

// A zone of many pages is read whole, or not at all.
func TestPages(t *testing.T) {
	many := func(n int) (list []fake.Record) {
		for i := range n {
			list = append(list, fake.Record{Name: fmt.Sprintf("t%03d", i), Type: "TXT", Content: "x"})
		}
		return list
	}
	for _, n := range []int{0, 1, 99, 100, 101, 250} {
		s := newStage(t, many(n)...)
		_, reading := s.must()
		if len(reading.Records) != n {
			t.Errorf("read %d of %d", len(reading.Records), n)
		}
	}
	s := newStage(t, many(250)...)
	p, _ := s.must()
	changes := 0
	s.api.Fail(func(c fake.Call) fake.Fault { // a record of the first page goes before the second is read
		if changes == 1 {
			s.zone.Remove(s.zone.List()[0].ID)
		}
		changes++
		return fake.Fault{}
	})
	reading, err := p.Read(t.Context(), nil)
	if err != nil || len(reading.Records) != 249 {
		t.Errorf("%v, %d records", err, len(reading.Records))
	}
	s.api.Fail(func(c fake.Call) fake.Fault {
		s.zone.Remove(s.zone.List()[0].ID)
		return fake.Fault{}
	})
	if _, err := p.Read(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "changes while it is listed") {
		t.Errorf("%v", err)
	}
}

// What a server that lies may say of a zone is no reading of it.
func TestOddListings(t *testing.T) {
	head := `{"success":true,"result_info":{"total_count":1},"result":[`
	for _, body := range []string{
		`{"success":true,"result":[]}`,
		`{"success":true,"result":[],"result_info":{}}`,
		`{"success":true,"result":null,"result_info":{"total_count":0}}`,
		`{"success":true,"result":[],"result_info":{"total_count":3}}`,
		`{"success":true,"result":{},"result_info":{"total_count":0}}`,
		`{"success":true,"result":[],"result_info":{"total_count":-1}}`,
		head + `{"id":"../../../x","name":"example.org","type":"A","content":"192.0.2.1","ttl":1}]}`,
		head + `{"id":"00000000000000000000000000000000","ttl":-1}]}`,
		head + `{"id":"00000000000000000000000000000000","ttl":1},{"id":"00000000000000000000000000000000","ttl":1}]}`,
		"[]", "null", "1", `"success"`, "",
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newStage(t)
			p, _ := s.must()
			s.api.Fail(func(fake.Call) fake.Fault {
				return fake.Fault{Ignored: true, Status: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: body}
			})
			if reading, err := p.Read(t.Context(), nil); err == nil {
				t.Errorf("%s: read %v", body, reading)
			} else {
				s.safe(err.Error())
			}
			if _, err := s.open(t.Context()); err == nil {
				t.Errorf("%s: opened", body)
			}
		})
	}
}
