package cmd

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

func wishOf(slot record.Slot, want ...record.Record) plan.Wish {
	return plan.Wish{Edit: record.Set(slot, want...)}
}

func data(name, typ, text string) record.Record {
	return record.Record{Name: name, Type: typ, TTL: 300, Data: text}
}

func TestRecordsThere(t *testing.T) {
	const zone = "example.org."
	dns := resolve.NewZone([]record.Record{
		data(zone, "SOA", "ns.example.net. hostmaster.example.org. 1 7200 900 1209600 300"),
		data(zone, "TXT", "v=spf1 mx -all"), data(zone, "TXT", "neighbour"), data(zone, "MX", "10 mx.example.org."),
		data("*.example.org.", "TXT", "v=spf1 -all"),
		data("own.example.org.", "A", "192.0.2.1"),
		data("alias.example.org.", "CNAME", "own.example.org."),
	})
	ctx := context.Background()
	apex, err := zoneOf(ctx, dns, "mail.own.example.org.")
	if err != nil || apex != zone {
		t.Fatalf("zone %q, %v", apex, err)
	}
	tests := []struct {
		name string
		wish plan.Wish
		want []string // type and name, without those of the wildcard
	}{
		{"a slot and its neighbours", wishOf(record.SPF(zone)), []string{"TXT example.org.", "TXT example.org."}},
		{"what a wildcard answers is not there", wishOf(record.SPF("new.example.org."), record.TXT("new.example.org.", "v=spf1 a -all")), nil},
		{"unless it is what is wished", wishOf(record.SPF("new.example.org."), record.TXT("new.example.org.", "v=spf1 -all")), []string{"TXT new.example.org."}},
		{"a name of its own", wishOf(record.SPF("own.example.org.")), []string{"A own.example.org."}},
		{"an alias", wishOf(record.SPF("alias.example.org.")), []string{"CNAME alias.example.org."}},
		{"another zone", wishOf(record.SPF("example.net.")), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			found, err := dnsSource{dns, zone}.records(ctx, []plan.Wish{tt.wish})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, r := range found {
				if r.TTL != 0 {
					t.Errorf("%v has a TTL, of which nothing is known", r)
				}
				if r.Name != "*.example.org." {
					got = append(got, r.Type+" "+r.Name)
				}
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// What cannot be told is never taken for absent.
func TestRecordsUnknown(t *testing.T) {
	silent := resolve.Func(func(_ context.Context, q resolve.Question) (resolve.Answer, error) {
		return resolve.Answer{}, &resolve.Error{Question: q, Kind: resolve.ServFail}
	})
	_, err := dnsSource{silent, "example.org."}.records(context.Background(), []plan.Wish{wishOf(record.SPF("example.org."))})
	var failed *resolve.Error
	if !errors.As(err, &failed) || failed.Kind != resolve.ServFail {
		t.Errorf("error %v, want SERVFAIL", err)
	}
	if _, err := zoneOf(context.Background(), silent, "example.org."); !errors.As(err, &failed) {
		t.Errorf("zone: error %v, want SERVFAIL", err)
	}
}
