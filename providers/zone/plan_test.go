package zone

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/zonefile"
)

// Whatever is planned for the files of people and programs, the edited file reads
// as the plan says, and the plan is done.
func TestEditsArePlans(t *testing.T) {
	texts := []string{florist}
	names, err := filepath.Glob("../../testdata/zones/*.zone")
	if err != nil || len(names) == 0 {
		t.Fatal("no zones", err)
	}
	for _, name := range names {
		texts = append(texts, content(t, name))
	}
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 4))
		text := texts[rng.IntN(len(texts))]
		before, err := zonefile.Read(strings.NewReader(text), "example.org")
		if err != nil {
			t.Fatal(err)
		}
		p, _ := plan.Make(before, wishes(rng, before), plan.Given{Zone: "example.org.", TTLs: true})
		edited, err := zonefile.Edit([]byte(text), p.Edits(), zonefile.EditOptions{Origin: "example.org", Now: now})
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		after, err := zonefile.Read(strings.NewReader(string(edited)), "example.org")
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if is, want := lines(after, p), lines(p.Apply(before), p); !slices.Equal(is, want) {
			t.Fatalf("seed %d:\n%s\n->\n%s\nreads as\n%s\nwant\n%s", seed, text, edited, strings.Join(is, "\n"), strings.Join(want, "\n"))
		}
		if todo, _, stale := p.Progress(after); !todo.Empty() || len(stale) > 0 {
			t.Fatalf("seed %d: left %v, stale %v", seed, todo.Changes, stale)
		}
		back, err := zonefile.Edit(edited, p.Invert().Edits(), zonefile.EditOptions{Origin: "example.org", Now: now})
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		again, err := zonefile.Read(strings.NewReader(string(back)), "example.org")
		if is, want := lines(again, p), lines(before, p); err != nil || !slices.Equal(is, want) {
			t.Fatalf("seed %d: back, %v:\n%s\nwant\n%s", seed, err, strings.Join(is, "\n"), strings.Join(want, "\n"))
		}
	}
}

// lines is records as they are compared: without the serial, and without the TTLs
// of new sets, which the file gives.
func lines(records []record.Record, p plan.Plan) []string {
	free := make(map[[2]string]bool)
	for _, c := range p.Changes {
		for _, r := range c.After {
			free[[2]string{r.Name, r.Type}] = free[[2]string{r.Name, r.Type}] || r.TTL == 0
		}
	}
	list := make([]string, 0, len(records))
	for _, r := range records {
		if free[[2]string{r.Name, r.Type}] {
			r.TTL = 0
		}
		if fields := strings.Fields(r.Data); r.Type == "SOA" && len(fields) == 7 {
			fields[2] = "0"
			r.Data = strings.Join(fields, " ")
		}
		list = append(list, fmt.Sprintf("%s %d", r, r.TTL))
	}
	slices.Sort(list)
	return list
}

// wishes is what somebody may want of a zone.
func wishes(rng *rand.Rand, records []record.Record) []plan.Wish {
	var list []plan.Wish
	for range 1 + rng.IntN(4) {
		r := records[rng.IntN(len(records))]
		slot := record.Slot{Name: r.Name, Type: r.Type}
		if rng.IntN(4) == 0 {
			slot = record.Slot{Name: fmt.Sprintf("new%d.example.org.", rng.IntN(3)), Type: "TXT"}
		}
		if fields := strings.Fields(r.Data); slot.Type == "TXT" && rng.IntN(3) > 0 && strings.HasPrefix(r.Data, "v=") {
			slot.Tag = strings.TrimRight(fields[0], ";")
		}
		var want []record.Record
		for range rng.IntN(3) {
			w := record.Record{Name: slot.Name, Type: slot.Type, TTL: []uint32{0, 0, 300}[rng.IntN(3)], Data: r.Data}
			switch {
			case slot.Type == "TXT":
				w.Data = slot.Tag + " " + strings.Repeat(`k="v\";`, rng.IntN(80))
			case slot.Type == "MX":
				w.Data = fmt.Sprintf("%d mx%d.example.org.", rng.IntN(99), rng.IntN(3))
			case slot.Type == "A":
				w.Data = fmt.Sprintf("192.0.2.%d", rng.IntN(200))
			}
			if w.Data != "" && slot.Holds(w) {
				want = append(want, w)
			}
		}
		list = append(list, plan.Wish{Edit: record.Set(slot, want...)})
	}
	return list
}

// The new file has the owner and the group of the old one, where that is allowed.
func TestWriteKeepsTheOwner(t *testing.T) {
	path := put(t, "db.example.org", florist)
	if err := os.Chown(path, 12345, 23456); err != nil {
		t.Skip("only root gives files away: ", err)
	}
	p := open(t, path)
	if err := p.Write(t.Context(), planOf(t, p, record.Set(record.SPF("example.org")))); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || !strings.Contains(fmt.Sprintf("%+v", info.Sys()), "Uid:12345 Gid:23456") || info.Mode().Perm() != 0o640 {
		t.Errorf("%+v %v", info.Sys(), err)
	}
}
