package resolve

import (
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/record"
)

func TestLayer(t *testing.T) {
	base := NewZone([]record.Record{
		{Name: "example.org.", Type: "MX", TTL: 60, Data: "10 old.example.org."},
		{Name: "old.example.org.", Type: "A", TTL: 60, Data: "192.0.2.1"},
		{Name: "a.sub.example.org.", Type: "A", TTL: 60, Data: "192.0.2.2"},
		{Name: "sub.example.org.", Type: "DS", TTL: 60, Data: "1 13 2 00"},
		{Name: "host.example.net.", Type: "A", TTL: 60, Data: "192.0.2.3"},
		{Name: "back.example.net.", Type: "CNAME", TTL: 60, Data: "mx.example.org."},
		{Name: "loop.example.net.", Type: "CNAME", TTL: 60, Data: "loop.example.org."},
	})
	zone := NewZone([]record.Record{
		{Name: "example.org.", Type: "MX", TTL: 300, Data: "10 mx.example.org."},
		{Name: "mx.example.org.", Type: "A", TTL: 300, Data: "192.0.2.25"},
		{Name: "sub.example.org.", Type: "NS", TTL: 300, Data: "ns.example.net."},
		{Name: "out.example.org.", Type: "CNAME", TTL: 300, Data: "host.example.net."},
		{Name: "round.example.org.", Type: "CNAME", TTL: 300, Data: "back.example.net."},
		{Name: "loop.example.org.", Type: "CNAME", TTL: 300, Data: "loop.example.net."},
		{Name: "*.wild.example.org.", Type: "CNAME", TTL: 300, Data: "a.sub.example.org."},
	})
	layer := NewLayer(base, "example.org", zone)
	tests := []struct{ name, typ, want string }{
		{"example.org", "MX", "10 mx.example.org."},
		{"mx.example.org", "A", "192.0.2.25"},
		{"old.example.org", "A", "NXDOMAIN"},
		{"example.org", "TXT", "no TXT record"},
		{"host.example.net", "A", "192.0.2.3"},
		{"a.sub.example.org", "A", "192.0.2.2"},
		{"sub.example.org", "DS", "no DS record"},
		{"out.example.org", "A", "CNAME host.example.net\n192.0.2.3"},
		{"back.example.net", "A", "CNAME mx.example.org\n192.0.2.25"},
		{"round.example.org", "A", "CNAME back.example.net\nCNAME mx.example.org\n192.0.2.25"},
		{"x.wild.example.org", "A", "CNAME a.sub.example.org\n192.0.2.2"},
		{"out.example.org", "CNAME", "host.example.net."},
		{"loop.example.org", "A", "CNAME chain"},
	}
	for _, tt := range tests {
		answer, err := layer.Resolve(t.Context(), Ask(tt.name, tt.typ))
		got := answer.String()
		if err != nil {
			got = err.Error()
		}
		if got != tt.want && !(err != nil && strings.Contains(got, tt.want)) {
			t.Errorf("%s %s: %q, want %q", tt.typ, tt.name, got, tt.want)
		}
		if err == nil && answer.Question != Ask(tt.name, tt.typ) {
			t.Errorf("%s %s answers %v", tt.typ, tt.name, answer.Question)
		}
	}
}
