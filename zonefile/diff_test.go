package zonefile

import (
	"fmt"
	"slices"
	"testing"

	"github.com/maildoctor/maildoctor/record"
)

func TestDiff(t *testing.T) {
	const before = "@ SOA ns host 1 2 3 4 5\n@ TXT \"v=spf1 mx -all\"\n@ TXT \"verification\"\n@ MX 10 a\n@ MX 20 b\nttl 300 A 192.0.2.1\nttl 300 A 192.0.2.2\ngone A 192.0.2.3\n"
	const after = "@ SOA ns host 2 2 3 4 5\n@ TXT \"v=spf1 \" \"mx a -all\"\n@ TXT \"veri\" \"fication\"\n@ MX 20 b\n@ MX 10 c\nttl 60 A 192.0.2.2\nttl 60 A 192.0.2.1\nnew A 192.0.2.3\n"
	read := func(text string) []record.Record { return records(zoneOf(t, "$TTL 3600\n"+text, "example.org")) }
	for _, tt := range []struct {
		options DiffOptions
		want    []string
	}{
		{DiffOptions{}, []string{
			"example.org. MX : -[10 a.example.org.] +[10 c.example.org.] 0 0",
			"example.org. SOA : -[ns.example.org. host.example.org. 1 2 3 4 5] +[ns.example.org. host.example.org. 2 2 3 4 5] 0 0",
			"example.org. TXT v=spf1: -[v=spf1 mx -all] +[v=spf1 mx a -all] 0 0",
			"gone.example.org. A : -[192.0.2.3] +[] 0 0",
			"new.example.org. A : -[] +[192.0.2.3] 0 0",
			"ttl.example.org. A : -[] +[] 300 60",
		}},
		{DiffOptions{Serial: true, TTL: true}, []string{
			"example.org. MX : -[10 a.example.org.] +[10 c.example.org.] 0 0",
			"example.org. TXT v=spf1: -[v=spf1 mx -all] +[v=spf1 mx a -all] 0 0",
			"gone.example.org. A : -[192.0.2.3] +[] 0 0",
			"new.example.org. A : -[] +[192.0.2.3] 0 0",
		}},
	} {
		var got []string
		for _, c := range Diff(read(before), read(after), tt.options) {
			got = append(got, fmt.Sprintf("%s %s %s: -%v +%v %d %d", c.Slot.Name, c.Slot.Type, c.Slot.Tag, dataOf(c.Removed), dataOf(c.Added), c.Before, c.After))
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("got  %q\nwant %q", got, tt.want)
		}
		if same := Diff(read(before), read(before), tt.options); same != nil {
			t.Errorf("the same differs: %v", same)
		}
	}
}

func dataOf(list []record.Record) []string {
	var data []string
	for _, r := range list {
		data = append(data, r.Data)
	}
	return data
}
