//go:build unix

package plan

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/zonefile"
)

// bigZone is the text of a zone of names with four records each: MX, SPF, a key
// and an address.
func bigZone(names int) []byte {
	var b strings.Builder
	b.WriteString("$ORIGIN example.org.\n$TTL 3600\n@ SOA ns h 1 2 3 4 5\n@ NS ns.example.net.\n")
	for i := range names {
		fmt.Fprintf(&b, "d%d MX 10 mail%d\nd%d TXT \"v=spf1 mx -all\"\ns._domainkey.d%d TXT ( \"v=DKIM1; p=%s\"\n \"%s\" )\nmail%d A 192.0.2.25\n",
			i, i, i, i, strings.Repeat("A", 240), strings.Repeat("B", 152), i)
	}
	return []byte(b.String())
}

// bigWishes want something else of all four sets of the first names.
func bigWishes(names int) []Wish {
	var wishes []Wish
	for i := range names {
		name, host := fmt.Sprintf("d%d.%s", i, zone), fmt.Sprintf("mail%d.%s", i, zone)
		key := record.DKIMKey("s", name)
		wishes = append(wishes,
			wish("a", record.MXSet(name), record.MX(name, 20, host)),
			wish("a", record.SPF(name), record.TXT(name, "v=spf1 mx a -all")),
			wish("a", key, record.TXT(key.Name, "v=DKIM1; p="+strings.Repeat("C", 392))),
			wish("a", record.Slot{Name: host, Type: "A"}, rr(host, "A", 300, "192.0.2.26")))
	}
	return wishes
}

// planned reads a zone file, makes the plan, writes and reads that, and edits the
// file by it, as apply does.
func planned(tb testing.TB, text []byte, wishes []Wish, changes int) {
	file, problems, err := zonefile.Parse(bytes.NewReader(text), zonefile.ReadOptions{})
	if err != nil || len(problems) > 0 {
		tb.Fatal(err, problems)
	}
	current := file.Records()
	p := made(tb, current, wishes, changes)
	var saved bytes.Buffer
	if err := p.Write(&saved); err != nil {
		tb.Fatal(err)
	}
	read, err := Read(&saved)
	if err != nil {
		tb.Fatal(err)
	}
	todo, _, stale := read.Progress(current)
	if len(stale) > 0 {
		tb.Fatal(stale)
	}
	edited, err := zonefile.Edit(text, todo.Edits(), zonefile.EditOptions{})
	if err != nil || bytes.Equal(edited, text) {
		tb.Fatal(err)
	}
}

func made(tb testing.TB, current []record.Record, wishes []Wish, changes int) Plan {
	p, conflicts := Make(current, wishes, Given{Zone: zone, TTLs: true})
	if len(p.Changes) != changes || len(conflicts) > 0 {
		tb.Fatal(len(p.Changes), conflicts)
	}
	return p
}

// bigZoneNames is a zone of 10,000 records.
const bigZoneNames = 2500

// BenchmarkPlan plans 40 changes, and 10,000, in a zone of 10,000 records: Make
// alone, and all that lies between two zone files. Each reports the CPU time
// (cpu-ms) and the memory at its most (MiB) of a process that does so once.
func BenchmarkPlan(b *testing.B) {
	for _, names := range []int{10, bigZoneNames} {
		text, wishes := bigZone(bigZoneNames), bigWishes(names)
		file, _, err := zonefile.Parse(bytes.NewReader(text), zonefile.ReadOptions{})
		if err != nil {
			b.Fatal(err)
		}
		current := file.Records()
		b.Run(fmt.Sprintf("make-%d", len(wishes)), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				made(b, current, wishes, len(wishes))
			}
		})
		b.Run(fmt.Sprintf("file-%d", len(wishes)), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				planned(b, text, wishes, len(wishes))
			}
			b.StopTimer()
			once(b, names)
		})
	}
}

// bigEnv tells a child how many names it plans.
const bigEnv = "MAILDOCTOR_BENCH_NAMES"

// once runs TestOnce in a process of its own.
func once(b *testing.B, names int) {
	cmd := exec.Command(os.Args[0], "-test.run=^TestOnce$", "-test.count=1")
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d", bigEnv, names))
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%v:\n%s", err, out)
	}
	usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	peak := float64(usage.Maxrss) / (1 << 10) // KiB but for Darwin, which tells octets
	if runtime.GOOS == "darwin" || runtime.GOOS == "ios" {
		peak /= 1 << 10
	}
	b.ReportMetric(peak, "MiB")
	b.ReportMetric(float64((cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Milliseconds()), "cpu-ms")
}

// TestOnce is what BenchmarkPlan measures in a child; as a test it does the
// smaller plan.
func TestOnce(t *testing.T) {
	names := 10
	if text := os.Getenv(bigEnv); text != "" {
		if _, err := fmt.Sscan(text, &names); err != nil {
			t.Fatal(err)
		}
	}
	wishes := bigWishes(names)
	planned(t, bigZone(bigZoneNames), wishes, len(wishes))
}
