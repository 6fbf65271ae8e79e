package zonefile

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/maildoctor/maildoctor/record"
)

// included is what $INCLUDE finds.
func included() fstest.MapFS {
	return fstest.MapFS{"inc": {Data: []byte("inc 60 A 192.0.2.1\n    TXT \"in another file\"\n")}, "bare": {Data: []byte("bare A 192.0.2.1\n")}}
}

// FuzzEdit: whatever a file holds and whatever is to change in it, the lines that
// no edit is about stay, and the file reads as the old one with the edits.
func FuzzEdit(f *testing.F) {
	f.Add("$TTL 60\n@ SOA ns host 1 2 3 4 5\n  TXT ( \"a\"\n ; b\n \"c\" )\n", uint64(1))
	for seed := range uint64(20) {
		f.Add(randomZone(rand.New(rand.NewPCG(seed, 0))), seed)
	}
	f.Fuzz(func(t *testing.T, text string, seed uint64) {
		if len(text) > 1<<12 || strings.Count(strings.ToUpper(text), "$GENERATE") > 3 {
			t.Skip("bounded elsewhere")
		}
		tryEdit(t, text, rand.New(rand.NewPCG(seed, 1)))
	})
}

// TestEditRandom is FuzzEdit over zones of all that the format has.
func TestEditRandom(t *testing.T) {
	done := 0
	for seed := range uint64(800) {
		rng := rand.New(rand.NewPCG(seed, 2))
		if tryEdit(t, randomZone(rng), rng) {
			done++
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	if done < 700 {
		t.Errorf("%d of 800 zones could be edited", done)
	}
}

// tryEdit makes a random edit; done is false where it is refused for a reason that
// may be one.
func tryEdit(t *testing.T, text string, rng *rand.Rand) (done bool) {
	file, problems, err := Parse(strings.NewReader(text), ReadOptions{Origin: "example.org", Includes: included()})
	if err != nil || len(problems) > 0 {
		return false
	}
	edits := randomEdits(rng, file)
	got, err := Edit([]byte(text), edits, EditOptions{Origin: "example.org", Includes: included(), Now: now})
	if err != nil {
		for _, reason := range []string{"$GENERATE", "included file", "second SOA", "takes a TTL"} {
			if strings.Contains(err.Error(), reason) {
				return false
			}
		}
		if len(file.Entries) > 0 && strings.Contains(err.Error(), "so that it reads back the same") {
			return false // odd names of the file itself
		}
		t.Errorf("%v\n%s\n%q", err, text, edits)
		return false
	}
	after, problems, err := Parse(strings.NewReader(string(got)), ReadOptions{Origin: "example.org", Includes: included()})
	if err != nil || len(problems) > 0 {
		t.Errorf("%v %v\n%s\n->\n%s", err, problems, text, got)
		return false
	}
	free := newSets(file.Records(), edits)
	want := comparable(expected(file.Records(), edits), free)
	if is := comparable(after.Records(), free); !slices.Equal(is, want) {
		t.Errorf("%q\n%s\n->\n%s\nreads as\n%s\nwant\n%s", edits, text, got, strings.Join(is, "\n"), strings.Join(want, "\n"))
	}
	lines := strings.SplitAfter(string(got), "\n")
	for _, line := range firm(text, file, edits) {
		i := slices.IndexFunc(lines, func(l string) bool { return l == line || strings.TrimRight(l, "\r\n") == line })
		if i < 0 {
			t.Errorf("the line %q is not there, or in another order: %q\n%s\n->\n%s", line, edits, text, got)
			return false
		}
		lines = lines[i+1:]
	}
	if again, err := Edit(got, edits, EditOptions{Origin: "example.org", Includes: included(), Now: now}); err != nil || string(again) != string(got) {
		t.Errorf("a second time: %v\n%s\n->\n%s", err, got, again)
	}
	return true
}

// newSets are the sets that edits make, so that the file gives them a TTL.
func newSets(records []record.Record, edits []record.Edit) map[set]bool {
	free := make(map[set]bool)
	for _, e := range edits {
		if k := (set{e.Slot.Name, e.Slot.Type}); len(e.Want) > 0 && e.Want[0].TTL == 0 {
			free[k] = !slices.ContainsFunc(records, func(r record.Record) bool { return setOf(r) == k })
		}
	}
	return free
}

// expected is records after edits.
func expected(records []record.Record, edits []record.Edit) []record.Record {
	var after []record.Record
	for _, r := range records {
		if !slices.ContainsFunc(edits, func(e record.Edit) bool { return e.Slot.Holds(r) }) {
			after = append(after, r)
		}
	}
	for _, e := range edits {
		var in, held []uint32
		for _, r := range records {
			switch {
			case e.Slot.Holds(r):
				held = append(held, r.TTL)
			case r.Name == e.Slot.Name && r.Type == e.Slot.Type:
				in = append(in, r.TTL)
			}
		}
		if len(in) == 0 {
			in = held
		}
		for _, w := range e.Want {
			was := slices.IndexFunc(records, func(r record.Record) bool {
				return e.Slot.Holds(r) && r.Data == w.Data
			})
			switch {
			case w.TTL != 0:
			case was >= 0:
				for _, r := range records { // stay as they are, each with its TTL
					if e.Slot.Holds(r) && r.Data == w.Data {
						after = append(after, r)
					}
				}
				continue
			case len(in) > 0:
				w.TTL = slices.Min(in)
			}
			after = append(after, w)
		}
	}
	return after
}

// comparable is records sorted, each once, without the serial, and without the TTLs
// of the sets that are free to have any, as long as it is one.
func comparable(records []record.Record, free map[set]bool) []string {
	var list []string
	ttls := make(map[set]uint32)
	for _, r := range records {
		if r.Type == "SOA" {
			r.Data = withoutSerial(r.Data)
		}
		if k := setOf(r); free[k] {
			if ttl, ok := ttls[k]; ok && ttl != r.TTL {
				list = append(list, "two TTLs: "+r.String())
			}
			ttls[k], r.TTL = r.TTL, 0
		}
		list = append(list, r.String())
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// firm is the lines of a file that must stay: those of no record that an edit is
// about, and of none that takes its name or its TTL from such a one.
func firm(text string, file File, edits []record.Edit) []string {
	lines := strings.SplitAfter(text, "\n")
	soft := make([]bool, len(lines)+1)
	firstTTL := len(lines) + 1
	for _, d := range file.Directives {
		if d.Name == "$TTL" && d.File == "" {
			firstTTL = min(firstTTL, d.Line)
		}
	}
	moved, above := false, false // something above is touched; so is the record before
	for _, e := range file.Entries {
		if e.File != "" || e.Generated {
			continue
		}
		touched := e.Type == "SOA" || slices.ContainsFunc(edits, func(edit record.Edit) bool { return edit.Slot.Name == e.Name && edit.Slot.Type == e.Type })
		if e.Owner() == "" && above || e.Line < firstTTL && moved {
			touched = true
		}
		moved, above = moved || touched, touched
		if touched {
			first := strings.Count(text[:e.Offset], "\n")
			for i := range strings.Count(e.Source, "\n") + 1 {
				soft[first+i] = true
			}
		}
	}
	var list []string
	for i, line := range lines {
		if !soft[i] && line != "" {
			list = append(list, strings.TrimRight(line, "\r\n"))
		}
	}
	return list
}

func pick[T any](rng *rand.Rand, list ...T) T { return list[rng.IntN(len(list))] }

// randomEdits is edits of slots that there are and of others, one for each set.
func randomEdits(rng *rand.Rand, file File) []record.Edit {
	var edits []record.Edit
	seen := make(map[record.Slot]bool)
	for range 1 + rng.IntN(3) {
		slot := record.Slot{Name: pick(rng, "new.example.org.", "new.sub.example.org.", "example.org."), Type: pick(rng, "A", "TXT", "MX")}
		if len(file.Entries) > 0 && rng.IntN(4) > 0 {
			e := file.Entries[rng.IntN(len(file.Entries))]
			slot = record.Slot{Name: e.Name, Type: pick(rng, e.Type, e.Type, "TXT", "MX")}
			if slot.Type == "TXT" && rng.IntN(2) == 0 {
				slot.Tag = "v=spf1"
			}
		}
		set := record.Slot{Name: slot.Name, Type: slot.Type}
		if slot.Type == "SOA" || seen[set] {
			continue
		}
		seen[set] = true
		edit := record.Edit{Slot: slot}
		ttl := pick(rng, uint32(0), 0, 60, 7200)
		for range rng.IntN(4) {
			r := record.Record{Name: slot.Name, Type: slot.Type, TTL: ttl, Data: randomData(rng, slot)}
			if r.Data != "" && !slices.Contains(edit.Want, r) {
				edit.Want = append(edit.Want, r)
			}
		}
		for _, e := range file.Entries { // some stay as they are
			r := e.Record
			r.TTL = ttl
			if slot.Holds(r) && rng.IntN(3) == 0 && !slices.Contains(edit.Want, r) {
				edit.Want = append(edit.Want, r)
			}
		}
		edits = append(edits, edit)
	}
	return edits
}

func randomData(rng *rand.Rand, slot record.Slot) string {
	switch slot.Type {
	case "A":
		return fmt.Sprintf("192.0.2.%d", rng.IntN(9))
	case "AAAA":
		return fmt.Sprintf("2001:db8::%d", 1+rng.IntN(9))
	case "MX":
		return fmt.Sprintf("%d %s", rng.IntN(30), pick(rng, "mx.example.org.", "a.sub.example.org.", "mx.example.net.", "."))
	case "CNAME", "NS":
		return pick(rng, "example.org.", "b.example.org.", "www.example.net.")
	case "SRV":
		return fmt.Sprintf("0 %d 443 %s", rng.IntN(9), pick(rng, "mx.example.org.", "."))
	case "TXT":
		text := strings.Repeat(pick(rng, "a", `"`, `\`, ";", "( ", "\xff", "\n"), pick(rng, 0, 1, 2, 3, 5, 9, 270))
		if slot.Tag != "" || rng.IntN(3) == 0 {
			text = "v=spf1 " + text
		}
		return text
	case "CAA":
		return fmt.Sprintf("%d issue %q", rng.IntN(2), pick(rng, "ca.example; x", ""))
	case "TLSA":
		return "3 1 1 " + strings.Repeat(pick(rng, "0a", "ff"), 32)
	}
	return ""
}

// randomZone is the text of a zone file with whatever the format allows.
func randomZone(rng *rand.Rand) string {
	var b strings.Builder
	eol := pick(rng, "\n", "\n", "\r\n")
	if rng.IntN(20) == 0 {
		b.WriteString("\ufeff")
	}
	if rng.IntN(3) > 0 {
		b.WriteString("$TTL 1h" + eol)
	}
	if rng.IntN(3) > 0 {
		b.WriteString("@" + pick(rng, "", " 300") + " IN SOA ns host" + pick(rng, " 1 2 3 4 5", " ( 2026112201 ; serial"+eol+" 2 3 4"+eol+"5 )", " 4294967295 2 3 4 5 ; x") + eol)
	} else {
		b.WriteString("@ A 192.0.2.1" + eol)
	}
	for range rng.IntN(12) {
		b.WriteString(randomLine(rng, eol) + eol)
	}
	if rng.IntN(4) == 0 {
		return strings.TrimRight(b.String(), "\r\n")
	}
	return b.String()
}

func randomLine(rng *rand.Rand, eol string) string {
	if rng.IntN(4) == 0 {
		return pick(rng, "; comment", "", "  \t", "   ; indented ( comment", "$ORIGIN sub", "$ORIGIN sub.example.org.", "$ORIGIN example.org.", "$ORIGIN other.example.",
			"$TTL 5m", "$GENERATE 1-2 g$ A 192.0.2.$", "$GENERATE 1-2 g$ 60 A 192.0.2.$", "$INCLUDE inc", "$INCLUDE bare sub ; x")
	}
	owner := pick(rng, "@", "a", "B.a", "new", "_dmarc", "*", "a.example.org.", "", "", "", "odd\\.name", "other.example.")
	gap := func() string { return pick(rng, " ", "\t", "   ", " \t ") }
	ttl, class := pick(rng, "", "", "60"+gap(), "1h"+gap(), "0"+gap()), pick(rng, "", "IN"+gap(), "in"+gap())
	if rng.IntN(2) == 0 {
		ttl, class = class, ttl
	}
	note := pick(rng, "", "", gap()+"; a note ) \"", ";glued")
	line := owner + gap() + ttl + class
	switch pick(rng, "TXT", "TXT", "A", "MX", "MX", "AAAA", "CNAME", "TLSA", "SRV", "HTTPS", "CAA", "generic") {
	case "TXT":
		return line + "TXT" + pick(rng, " v=spf1", "\t\"v=spf1 -all\"", "\"glued\"\"strings\"", " a \"b\" c", " ( \"v=spf1 \" ; one"+eol+"\t\"-all\" ; two"+eol+"\t)",
			" ("+eol+eol+"  \"a\""+eol+"  \"b;\\\"\""+eol+" ; c"+eol+"  \"d\" )", " \\# 4 03616263", " \"\"", " \"\" \"\" x") + note
	case "A":
		return line + pick(rng, "A 192.0.2.1", "A ( 192.0.2.2 )", "a\t192.0.2.3", "( A"+eol+"192.0.2.4 )") + note
	case "MX":
		return line + pick(rng, "MX 10 mx", "MX  0 .", "MX 20 ( mx.example.net. )", "MX 10 @", "MX 10 MX.example.org.") + note
	case "AAAA":
		return line + "AAAA 2001:DB8:0::1" + note
	case "CNAME":
		return line + "CNAME " + pick(rng, "b", "@", "www.example.net.") + note
	case "TLSA":
		return line + "TLSA 3 1 1 (" + eol + strings.Repeat("0A", 16) + " ; half" + eol + strings.Repeat("0a", 16) + " )" + note
	case "SRV":
		return line + "SRV 0 1 443 " + pick(rng, "mx", ".") + note
	case "HTTPS":
		return line + "HTTPS 1 . alpn=\"h2,h3\"" + note
	case "CAA":
		return line + "CAA 0 issue \"ca.example; x\"" + note
	}
	return line + "TYPE65280 \\# 2 ABCD" + note
}
