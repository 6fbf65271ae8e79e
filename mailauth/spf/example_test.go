package spf_test

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/maildoctor/maildoctor/mailauth/spf"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

func ExampleParse() {
	rec, problems := spf.Parse("v=spf1 ip4:192.0.2.25~all include:_spf.example.net")
	fmt.Println(rec)
	for _, p := range problems {
		fmt.Println(p, "- meant:", p.Meant)
	}
	// Output:
	// v=spf1 ip4:192.0.2.25~all include:_spf.example.net
	// "ip4:192.0.2.25~all" runs several terms together; terms are separated by spaces (at octet 22) - meant: ip4:192.0.2.25 ~all
}

func ExampleMerge() {
	first, _ := spf.Parse("v=spf1 mx -all")
	second, _ := spf.Parse("v=spf1 include:_spf.example.net ~all")
	fmt.Println(spf.Merge(first, second).WithIP(netip.MustParseAddr("192.0.2.25")))
	// Output: v=spf1 ip4:192.0.2.25 mx include:_spf.example.net ~all
}

func ExampleEvaluate() {
	zone := resolve.NewZone([]record.Record{
		record.TXT("example.org", "v=spf1 mx include:_spf.example.net -all"),
		record.MX("example.org", 10, "mx.example.org"),
		record.Address("mx.example.org", netip.MustParseAddr("192.0.2.25")),
		record.TXT("_spf.example.net", "v=spf1 ip4:198.51.100.0/24 ~all"),
	})
	got := spf.Evaluate(context.Background(), zone, spf.Params{IP: netip.MustParseAddr("198.51.100.7"), Sender: "ann@example.org"})
	fmt.Println(got)
	for _, step := range got.Trace.Steps {
		fmt.Printf("%s: %s (%d lookups so far)\n", step.Term, step.Note, step.Lookups)
	}
	// Output:
	// pass (include:_spf.example.net)
	// mx: no MX host of example.org has a matching address (1 lookups so far)
	// include:_spf.example.net: ip4:198.51.100.0/24 matched in the SPF record of _spf.example.net (2 lookups so far)
}

func ExampleCount() {
	zone := resolve.NewZone([]record.Record{
		record.TXT("_spf.example.net", "v=spf1 include:a.example.net include:b.example.net ~all"),
		record.TXT("a.example.net", "v=spf1 ip4:198.51.100.0/24 -all"),
		record.TXT("b.example.net", "v=spf1 ip4:203.0.113.0/24 -all"),
	})
	rec, _ := spf.Parse("v=spf1 include:_spf.example.net -all")
	tree := spf.Count(context.Background(), zone, "example.org", rec)
	for node := range tree.Root.All() {
		fmt.Println(node)
	}
	// Output:
	// example.org costs 3
	// include:_spf.example.net costs 3
	// include:a.example.net costs 1
	// include:b.example.net costs 1
}
