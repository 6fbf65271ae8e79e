package providertest_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/providers"
	"github.com/maildoctor/maildoctor/providers/providertest"
	"github.com/maildoctor/maildoctor/record"
)

// A bent provider has one fault of the kinds that providers of DNS have had.
type bent struct {
	providers.Provider
	m             *providertest.Memory
	looks, passes *atomic.Int64
	read          func(b bent, reading providers.Reading) providers.Reading
	write         func(b bent, ctx context.Context, p plan.Plan) error
}

func (b bent) Read(ctx context.Context, names []string) (providers.Reading, error) {
	reading, err := b.Provider.Read(ctx, names)
	if err == nil && b.read != nil {
		reading = b.read(b, reading)
	}
	return reading, err
}

func (b bent) Write(ctx context.Context, p plan.Plan) error {
	if b.write != nil {
		return b.write(b, ctx, p)
	}
	return b.Provider.Write(ctx, p)
}

// force writes whatever stands there.
func (b bent) force(edits ...record.Edit) error { b.m.Change(nil, edits...); return nil }

// fresh is p with the basis that there is now.
func (b bent) fresh(p plan.Plan) plan.Plan {
	var records []record.Record
	records = append(records, b.m.Records(nil)...)
	p.Basis = slices.Clone(p.Basis)
	for i, s := range p.Basis {
		p.Basis[i].Records = slices.DeleteFunc(slices.Clone(records), func(r record.Record) bool { return r.Name != s.Name || r.Type != s.Type })
	}
	return p
}

// each is p with its changes bent.
func eachChange(p plan.Plan, bend func(*plan.Change)) plan.Plan {
	p.Changes = slices.Clone(p.Changes)
	for i := range p.Changes {
		p.Changes[i].After = slices.Clone(p.Changes[i].After)
		bend(&p.Changes[i])
	}
	return p
}

// sabotages are providers that must not pass, and the cases that notice.
var sabotages = map[string]struct {
	notices []string
	open    func(m *providertest.Memory, domain string) (providers.Provider, error)
	bent    bent
}{
	"the whole set is replaced": {notices: []string{"replace in place", "delete beside neighbours"}, bent: bent{write: func(b bent, ctx context.Context, p plan.Plan) error {
		if err := providers.Stale(p, b.m.Records(nil)); err != nil {
			return err
		}
		return b.force(eachChange(p, func(c *plan.Change) { c.Slot.Tag = "" }).Edits()...)
	}}},
	"the last record of a set wins": {notices: []string{"two MX"}, bent: bent{write: func(b bent, ctx context.Context, p plan.Plan) error {
		return b.Provider.Write(ctx, eachChange(p, func(c *plan.Change) { c.After = c.After[max(0, len(c.After)-1):] }))
	}}},
	"texts are cut at 255 octets": {notices: []string{"TXT of 300 octets with quotes, backslashes and semicolons"}, bent: bent{write: func(b bent, ctx context.Context, p plan.Plan) error {
		return b.Provider.Write(ctx, eachChange(p, func(c *plan.Change) {
			for i, r := range c.After {
				c.After[i].Data = r.Data[:min(255, len(r.Data))]
			}
		}))
	}}},
	"outer quotes are stripped": {notices: []string{"TXT within quotes of its own"}, bent: bent{read: func(_ bent, reading providers.Reading) providers.Reading {
		for i, r := range reading.Records {
			reading.Records[i].Data = strings.Trim(r.Data, `"`)
		}
		return reading
	}}},
	"spaces are trimmed": {notices: []string{"TXT with spaces at both ends"}, bent: bent{write: func(b bent, ctx context.Context, p plan.Plan) error {
		return b.Provider.Write(ctx, eachChange(p, func(c *plan.Change) {
			for i, r := range c.After {
				c.After[i].Data = strings.TrimSpace(r.Data)
			}
		}))
	}}},
	"TTLs are not written": {notices: []string{"TTL alone changes"}, bent: bent{write: func(b bent, ctx context.Context, p plan.Plan) error {
		return b.Provider.Write(ctx, eachChange(p, func(c *plan.Change) {
			for i := range c.After {
				c.After[i].TTL = 0
			}
		}))
	}}},
	"the basis is not compared": {notices: []string{"stale: a neighbour came", "stale: the slot changed"}, bent: bent{write: func(b bent, ctx context.Context, p plan.Plan) error {
		return b.Provider.Write(ctx, b.fresh(p))
	}}},
	"a set is read, changed, and written": {notices: []string{"two writers lose nothing", "somebody else loses nothing"}, bent: bent{write: func(b bent, ctx context.Context, p plan.Plan) error {
		records := b.m.Records(nil)
		if err := providers.Stale(p, records); err != nil {
			return err
		}
		b.pass()
		return b.force(eachChange(p, func(c *plan.Change) {
			all := p.Apply(records)
			c.Slot.Tag, c.After = "", slices.DeleteFunc(all, func(r record.Record) bool { return r.Name != c.Slot.Name || r.Type != c.Slot.Type })
		}).Edits()...)
	}}},
	"it is removed, and added then": {notices: []string{"one answer at every moment"}, bent: bent{write: func(b bent, ctx context.Context, p plan.Plan) error {
		if err := providers.Stale(p, b.m.Records(nil)); err != nil {
			return err
		}
		if err := b.force(eachChange(p, func(c *plan.Change) { c.After = nil }).Edits()...); err != nil {
			return err
		}
		b.pass()
		return b.force(p.Edits()...)
	}}},
	"a write is sent again": {notices: []string{"a write whose answer is lost"}, bent: bent{write: func(b bent, ctx context.Context, p plan.Plan) error {
		err := b.Provider.Write(ctx, p)
		if err != nil && !errors.As(err, new(*providers.StaleError)) {
			return b.Provider.Write(ctx, p)
		}
		return err
	}}},
	"a failed write is called a success": {notices: []string{"a write that is refused"}, bent: bent{write: func(b bent, ctx context.Context, p plan.Plan) error {
		if err := b.Provider.Write(ctx, p); errors.As(err, new(*providers.StaleError)) {
			return err
		}
		return nil
	}}},
	"everything is ours": {notices: []string{"marks"}, bent: bent{read: func(_ bent, reading providers.Reading) providers.Reading {
		for _, r := range reading.Records {
			reading.Marks[r] = providers.Mark{Ours: true}
		}
		return reading
	}}},
	"the token is in the error": {notices: []string{"stale: the slot changed", "a write that is refused"}, bent: bent{write: func(b bent, ctx context.Context, p plan.Plan) error {
		if err := b.Provider.Write(ctx, p); err != nil {
			return errors.Join(err, errors.New("with s3cr3t"))
		}
		return nil
	}}},
	"cancellation is not heard": {notices: []string{"cancelled before the write"}, bent: bent{write: func(b bent, ctx context.Context, p plan.Plan) error {
		return b.Provider.Write(context.WithoutCancel(ctx), p)
	}}},
	"wildcards are not read": {notices: []string{"the wildcard that answers is read"}, bent: bent{read: func(_ bent, reading providers.Reading) providers.Reading {
		reading.Records = slices.DeleteFunc(reading.Records, func(r record.Record) bool { return strings.HasPrefix(r.Name, "*.") })
		return reading
	}}},
	"a domain that ends alike is taken for one below": {notices: []string{"zone not found"}, open: func(m *providertest.Memory, domain string) (providers.Provider, error) {
		if strings.HasSuffix(record.Canonical(domain), m.Provider().Zone()) {
			return m.Provider(), nil
		}
		return nil, providers.ErrNoZone
	}},
	"only the apex opens": {notices: []string{"the zone of a domain below it"}, open: func(m *providertest.Memory, domain string) (providers.Provider, error) {
		if record.Canonical(domain) == m.Provider().Zone() {
			return m.Provider(), nil
		}
		return nil, providers.ErrNoZone
	}},
}

// pass lets time pass: until somebody has looked twice, or is as far as here, if
// anybody does.
func (b bent) pass() {
	was, here := b.looks.Load(), b.passes.Add(1)
	for i := 0; i < 20000 && b.looks.Load() < was+2 && b.passes.Load() == here; i++ {
		runtime.Gosched()
	}
}

// A saboteur is a service whose provider is bent.
type saboteur struct {
	*providertest.Memory
	looks, passes *atomic.Int64
}

func (s saboteur) Records(t *testing.T) []record.Record {
	defer s.looks.Add(1)
	return s.Memory.Records(t)
}

func (s saboteur) Secrets() []string { return []string{"s3cr3t"} }

func (s saboteur) Open(ctx context.Context, domain string) (providers.Provider, error) {
	how := sabotages[os.Getenv("MAILDOCTOR_SABOTAGE")]
	if how.open != nil {
		return how.open(s.Memory, domain)
	}
	to, err := s.Memory.Open(ctx, domain)
	if err != nil {
		return nil, err
	}
	b := how.bent
	b.Provider, b.m, b.looks, b.passes = to, s.Memory, s.looks, s.passes
	return b, nil
}

// TestSabotaged fails, if it is given a sabotage to suffer from.
func TestSabotaged(t *testing.T) {
	if os.Getenv("MAILDOCTOR_SABOTAGE") == "" {
		t.Skip("for TestNoticed")
	}
	providertest.Run(t, providertest.Backend{Serve: func(t *testing.T, zone string, records []record.Record) providertest.Service {
		return saboteur{providertest.NewMemory(zone, records, providertest.MemoryOptions{}), new(atomic.Int64), new(atomic.Int64)}
	}})
}

// TestNoticed tells whether the suite notices what it is for.
func TestNoticed(t *testing.T) {
	for name, s := range sabotages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(os.Args[0], "-test.run=^TestSabotaged$", "-test.v")
			cmd.Env = append(os.Environ(), "MAILDOCTOR_SABOTAGE="+name)
			out, err := cmd.CombinedOutput()
			if err == nil {
				t.Fatal("it passes")
			}
			for _, c := range s.notices {
				if !strings.Contains(string(out), "--- FAIL: TestSabotaged/"+strings.ReplaceAll(c, " ", "_")+" (") {
					t.Errorf("the case %q does not notice", c)
				}
			}
		})
	}
}
