package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/providers"
	"github.com/maildoctor/maildoctor/providers/providertest"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

const zoneOfTest = "example.org."

// A bench is an app whose provider is in memory, and whose world is a scenario.
type bench struct {
	*app
	t        *testing.T
	memory   *providertest.Memory
	state    string
	out, err bytes.Buffer
	answers  func() []record.Record // of the name servers; nil for what the provider has
}

func newBench(t *testing.T, o providertest.MemoryOptions) *bench {
	t.Helper()
	b := &bench{t: t, state: filepath.Join(t.TempDir(), "state")}
	text := func(name, data string) record.Record {
		return record.Record{Name: name, Type: "TXT", TTL: 300, Data: data}
	}
	b.memory = providertest.NewMemory(zoneOfTest, []record.Record{
		{Name: zoneOfTest, Type: "SOA", TTL: 3600, Data: "ns1.example.org. hostmaster.example.org. 1 7200 3600 1209600 900"},
		{Name: zoneOfTest, Type: "NS", TTL: 3600, Data: "ns1.example.org."},
		{Name: "ns1.example.org.", Type: "A", TTL: 3600, Data: "192.0.2.53"},
		text(zoneOfTest, "v=spf1 -all"), text(zoneOfTest, "verification=1"), text("_dmarc."+zoneOfTest, "v=DMARC1; p=none"),
	}, o)
	b.app = &app{in: strings.NewReader(""), out: &b.out, err: &b.err, env: func(name string) string {
		return map[string]string{"MAILDOCTOR_STATE_DIR": b.state, "COLUMNS": "100"}[name]
	}}
	b.wire()
	b.providers = []providerKind{{"rfc2136", "HOST", func(ctx context.Context, _ *app, _ providerFlags, _, domain string) (providers.Provider, error) {
		return b.memory.Open(ctx, domain)
	}}}
	b.live = func(context.Context, liveOptions) (examiner, error) {
		p, err := newPlayer("../testdata/scenarios/healthy.txtar")
		return servedWorld{p, b}, err
	}
	return b
}

// servedWorld is a world whose name servers have what the provider has.
type servedWorld struct {
	*player
	b *bench
}

func (s servedWorld) with(edits []record.Edit) stage {
	return servedWorld{s.player.with(edits).(*player), s.b}
}
func (s servedWorld) after(edits []record.Edit) stage { return s.with(edits) }
func (s servedWorld) servers() resolve.Inquirer       { return s }
func (s servedWorld) asks() resolve.Resolver          { return resolve.NewZone(s.b.memory.Records(s.b.t)) }

func (s servedWorld) Inquire(_ context.Context, q resolve.Inquiry) (resolve.Statement, error) {
	said := resolve.Statement{Inquiry: q, Code: "NOERROR", Authoritative: true}
	records := s.b.memory.Records(s.b.t)
	if s.b.answers != nil {
		records = s.b.answers()
	}
	for _, r := range records {
		if r.Name == q.Name && r.Type == q.Type && q.Server == netip.MustParseAddr("192.0.2.53") {
			said.Answer = append(said.Answer, r)
		}
	}
	return said, nil
}

// run runs a command, and returns its exit code.
func (b *bench) run(args ...string) int {
	b.out.Reset()
	b.err.Reset()
	return b.main(args)
}

// saved writes a plan file that replaces SPF and makes a TLS-RPT record.
func (b *bench) saved(wishes ...plan.Wish) string {
	b.t.Helper()
	if len(wishes) == 0 {
		wishes = []plan.Wish{
			{Edit: record.Set(record.SPF(zoneOfTest), record.TXT(zoneOfTest, "v=spf1 mx -all")), Reason: "the MX hosts send"},
			{Edit: record.Set(record.Slot{Name: "_smtp._tls.example.org.", Type: "TXT", Tag: "v=TLSRPTv1"}, record.TXT("_smtp._tls.example.org.", "v=TLSRPTv1; rua=mailto:tls@example.org"))},
		}
	}
	p, conflicts := plan.Make(b.memory.Records(b.t), wishes, plan.Given{Zone: zoneOfTest, TTLs: true})
	if len(conflicts) > 0 {
		b.t.Fatal(conflicts)
	}
	p.Provider = "rfc2136:memory"
	path := filepath.Join(b.t.TempDir(), "saved.plan")
	var text bytes.Buffer
	if err := p.Write(&text); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(path, text.Bytes(), 0o600); err != nil {
		b.t.Fatal(err)
	}
	return path
}

func (b *bench) holds(data string) bool {
	for _, r := range b.memory.Records(b.t) {
		if r.Data == data {
			return true
		}
	}
	return false
}

func (b *bench) want(code, got int, texts ...string) {
	b.t.Helper()
	all := b.out.String() + b.err.String()
	if got != code {
		b.t.Fatalf("exit code %d, want %d\n%s", got, code, all)
	}
	for _, text := range texts {
		if !strings.Contains(strings.Join(strings.Fields(all), " "), text) {
			b.t.Errorf("it does not say %q:\n%s", text, all)
		}
	}
}

// A plan is carried out, once; and taken back, to what was there, octet for octet.
func TestApplyAndRollback(t *testing.T) {
	b := newBench(t, providertest.MemoryOptions{})
	before := record.Sorted(b.memory.Records(t))
	path := b.saved()
	b.want(exitUsage, b.run("apply", path), "nobody is there to agree; give --yes")
	b.want(exitHealthy, b.run("apply", path, "--yes"), "2 changes done and read back", "maildoctor rollback example.org")
	if !b.holds("v=spf1 mx -all") || b.holds("v=spf1 -all") || !b.holds("verification=1") {
		t.Fatalf("the zone holds %v", b.memory.Records(t))
	}
	b.want(exitHealthy, b.run("apply", path, "--yes"), "nothing left to do")
	b.want(exitHealthy, b.run("rollback", "--list"), "before 2 changes in example.org", "~ TXT example.org (v=spf1)")
	b.want(exitHealthy, b.run("rollback", "--dry-run"), "1 to replace, 1 to remove")
	if !b.holds("v=spf1 mx -all") {
		t.Fatal("a dry run changed something")
	}
	b.want(exitHealthy, b.run("rollback", "mail.example.org", "--yes"), "2 changes done and read back")
	if after := record.Sorted(b.memory.Records(t)); len(after) != len(before) {
		t.Errorf("after the rollback: %v", after)
	} else {
		for i := range after {
			if after[i] != before[i] && after[i].Type != "SOA" {
				t.Errorf("%v was %v", after[i], before[i])
			}
		}
	}
	b.want(exitHealthy, b.run("rollback", "--yes"), "nothing left to do")
}

// What somebody else changed in the meantime is shown, and stays.
func TestApplyStale(t *testing.T) {
	b := newBench(t, providertest.MemoryOptions{})
	path := b.saved()
	b.memory.Change(t, record.Set(record.SPF(zoneOfTest), record.TXT(zoneOfTest, "v=spf1 a -all")))
	b.want(exitFailed, b.run("apply", path, "--yes"), "changed since the plan was made", `- "v=spf1 -all"`, `+ "v=spf1 a -all"`, "nothing was changed")
	if !b.holds("v=spf1 a -all") || b.holds("v=TLSRPTv1; rua=mailto:tls@example.org") {
		t.Error("something was changed")
	}
	if b.want(exitUsage, b.run("rollback"), "nothing to take back"); t.Failed() {
		return
	}
	// Where it changed after the plan was carried out, to take it back needs a consent.
	path = b.saved()
	b.want(exitHealthy, b.run("apply", path, "--yes"))
	b.memory.Change(t, record.Set(record.SPF(zoneOfTest), record.TXT(zoneOfTest, "v=spf1 ip4:192.0.2.1 -all")))
	b.want(exitFound, b.run("rollback", "--yes"), "was changed since", "--yes-delete")
	b.want(exitHealthy, b.run("rollback", "--yes", "--yes-delete"))
	if !b.holds("v=spf1 a -all") {
		t.Errorf("not brought back: %v", b.memory.Records(t))
	}
}

// A write that fails says what is done, and the same command does the rest.
func TestApplyFails(t *testing.T) {
	for _, tt := range []struct {
		how  providertest.Fault
		code int
		text string
	}{
		{providertest.Refused, exitFailed, "nothing was changed"},
		{providertest.Cut, exitFailed, "nothing was changed"},
		{providertest.Lost, exitHealthy, "2 changes done and read back"},
	} {
		b := newBench(t, providertest.MemoryOptions{})
		path := b.saved()
		b.memory.Break(t, tt.how)
		b.want(tt.code, b.run("apply", path, "--yes"), tt.text)
		b.want(exitHealthy, b.run("apply", path, "--yes"))
		if !b.holds("v=spf1 mx -all") || b.holds("v=spf1 -all") {
			t.Errorf("after the second run: %v", b.memory.Records(t))
		}
	}
}

// A record that maildoctor did not make goes by consent only; one that it made goes without.
func TestApplyAsks(t *testing.T) {
	b := newBench(t, providertest.MemoryOptions{})
	tls := record.Slot{Name: "_smtp._tls.example.org.", Type: "TXT", Tag: "v=TLSRPTv1"}
	made := b.saved()
	strange := b.saved(plan.Wish{Edit: record.Set(record.DMARC(zoneOfTest))})
	b.want(exitFound, b.run("apply", strange, "--yes"), "--yes-delete; nothing was changed")
	b.want(exitHealthy, b.run("apply", made, "--yes"))
	kept, err := b.ledger()
	if err != nil {
		t.Fatal(err)
	}
	known, err := kept.Made(zoneOfTest)
	if err != nil || !known.Has(record.TXT(tls.Name, "v=TLSRPTv1; rua=mailto:tls@example.org")) {
		t.Errorf("what was made is not known: %v", err)
	}
	b.want(exitHealthy, b.run("apply", strange, "--yes", "--yes-delete"), "delete TXT _dmarc.example.org")
}

// The name servers are waited for, then the domain is examined again.
func TestApplyWaits(t *testing.T) {
	b := newBench(t, providertest.MemoryOptions{})
	b.want(exitHealthy, b.run("apply", b.saved(), "--yes", "--wait"), "ns1.example.org (192.0.2.53) has it", "── example.org", "passed")
	old := []record.Record{}
	b.answers = func() []record.Record { return old }
	path := b.saved(plan.Wish{Edit: record.Set(record.DMARC(zoneOfTest), record.TXT("_dmarc.example.org.", "v=DMARC1; p=reject"))})
	b.want(exitFailed, b.run("apply", path, "--yes", "--wait=1s"), "has it not: 0 of 1 record sets", "not all name servers answer with it yet")
	if !b.holds("v=DMARC1; p=reject") {
		t.Error("it is not with the provider")
	}
}

func TestApplyJSON(t *testing.T) {
	b := newBench(t, providertest.MemoryOptions{})
	b.want(exitHealthy, b.run("apply", b.saved(), "--yes", "--wait", "--format", "json"))
	var doc struct {
		Schema   string
		Complete bool
		Done     []struct{ Slot, Kind string }
		Servers  []struct{ State string }
		Report   *struct{ Domain string }
	}
	if err := json.Unmarshal(b.out.Bytes(), &doc); err != nil {
		t.Fatalf("%v\n%s", err, b.out.String())
	}
	if doc.Schema != "maildoctor.applied/v1" || !doc.Complete || len(doc.Done) != 2 || len(doc.Servers) != 1 || doc.Report == nil {
		t.Errorf("%+v", doc)
	}
}

func TestApplyUsage(t *testing.T) {
	b := newBench(t, providertest.MemoryOptions{})
	b.want(exitUsage, b.run("apply", "nowhere.plan"), "there is no plan nowhere.plan")
	b.want(exitUsage, b.run("apply", "example.org", "--fix"), "who holds the zone is not said")
	b.want(exitUsage, b.run("apply", "example.org", "--fix", "--provider", "mystery:x"), "mystery")
	b.want(exitUsage, b.run("apply", b.saved(), "--fix"), "leave out --fix")
	b.want(exitUsage, b.run("apply", b.saved(), "--wait", "3s"), "--wait=3s")
	b.want(exitUsage, b.run("rollback", "nowhere.json"), "there is no snapshot nowhere.json")
	b.want(exitUsage, b.run("rollback", "a", "b"), "one snapshot, or one domain")
	b.want(exitHealthy, b.run("apply", "example.org", "--fix=advice", "--provider", "rfc2136:memory", "--yes"))
}
