package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/maildoctor/maildoctor/ddns"
	"github.com/maildoctor/maildoctor/providers"
	"github.com/maildoctor/maildoctor/providers/providertest"
	"github.com/maildoctor/maildoctor/record"
)

const hostOfTest = "mail.example.org."

// dynamic is a bench with a mail host whose addresses SPF names.
func dynamic(t *testing.T, o providertest.MemoryOptions) *bench {
	b := newBench(t, o)
	b.memory.Change(t,
		record.Set(record.SPF(zoneOfTest), record.TXT(zoneOfTest, "v=spf1 ip4:9.8.7.25 ip6:2a00:1::25 -all")),
		record.Set(record.Slot{Name: hostOfTest, Type: "A"}, record.Address(hostOfTest, netip.MustParseAddr("9.8.7.25"))),
		record.Set(record.Slot{Name: hostOfTest, Type: "AAAA"}, record.Address(hostOfTest, netip.MustParseAddr("2a00:1::25"))),
	)
	return b
}

// step runs ddns once with addresses that are said.
func (b *bench) step(flags string, addrs ...string) int {
	args := append([]string{"ddns", "--host", "mail.example.org", "--provider", "rfc2136:memory", "--no-warn"}, strings.Fields(flags)...)
	for _, addr := range addrs {
		args = append(args, "--source", "address:"+addr)
	}
	return b.run(args...)
}

// stands is what is kept in step: the data, sorted.
func (b *bench) stands() string {
	var list []string
	for _, r := range b.memory.Records(b.t) {
		if r.Name == hostOfTest || record.SPF(zoneOfTest).Holds(r) {
			list = append(list, r.Data)
		}
	}
	slices.Sort(list)
	return strings.Join(list, " | ")
}

func (b *bench) wantThere(want string) {
	b.t.Helper()
	if got := b.stands(); got != want {
		b.t.Errorf("there is %s\nwant     %s", got, want)
	}
}

// A run that fails in the middle is finished by the next, though the address is
// another by then, and nothing of the one in between stays.
func TestDDNSInTheMiddle(t *testing.T) {
	for _, name := range []string{"the first change", "the second", "the answer"} {
		t.Run(name, func(t *testing.T) {
			failing := true
			b := dynamic(t, providertest.MemoryOptions{Stepwise: true, Hook: func(p providertest.Point) error {
				at := map[string]providertest.Point{
					"the first change": {At: providertest.Changing}, "the second": {At: providertest.Changing, Change: 1}, "the answer": {At: providertest.Answering},
				}[name]
				if failing && p == at {
					return errors.New("connection reset")
				}
				return nil
			}})
			failing = false // until the zone is set up
			b.want(exitHealthy, b.step("", "9.8.7.25"))
			failing = true
			if code := b.step("", "9.8.7.26"); code != exitFailed && name != "the answer" {
				t.Errorf("exit code %d\n%s%s", code, &b.out, &b.err)
			}
			failing = false
			b.want(exitHealthy, b.step("", "9.8.7.27"), "done and read back")
			b.wantThere("2a00:1::25 | 9.8.7.27 | v=spf1 ip4:9.8.7.27 ip6:2a00:1::25 -all")
			b.want(exitHealthy, b.step("", "9.8.7.27"), "nothing to change")
		})
	}
}

// Where there is no IPv6 any more the AAAA record goes, and comes back with the address.
func TestDDNSWithoutIPv6(t *testing.T) {
	b := dynamic(t, providertest.MemoryOptions{})
	k, err := b.ddnsKeeper(ddnsFlags{
		hosts: []string{"mail.example.org"}, sources: []string{"interface:eth0"}, family: new(choice), provider: providerFlags{spec: "rfc2136:memory"},
		watch: true, every: span(time.Minute), noWarn: true, examFlags: examFlags{output: &output{app: b.app, format: &choice{value: "text"}}},
	}, nil)
	if err != nil || k.remember() != nil {
		t.Fatal(err)
	}
	v4 := ddns.Reading{Addr: netip.MustParseAddr("9.8.7.25"), From: "test"}
	v6 := func(addr string) ddns.Reading { return ddns.Reading{Addr: netip.MustParseAddr(addr), From: "test"} }
	none := ddns.Reading{None: "eth0 has no IPv6 address"}
	publish := func(found ddns.Found, want string) {
		t.Helper()
		if _, err := k.publish(t.Context(), found); err != nil {
			t.Fatal(err)
		}
		b.wantThere(want)
	}
	const spf = "v=spf1 ip4:9.8.7.25 ip6:2a00:1::25 -all"
	publish(ddns.Found{v4, none}, "2a00:1::25 | 9.8.7.25 | "+spf) // whose it is is not known yet
	publish(ddns.Found{v4, v6("2a00:1::25")}, "2a00:1::25 | 9.8.7.25 | "+spf)
	publish(ddns.Found{v4, {Err: errors.New("no answer in time")}}, "2a00:1::25 | 9.8.7.25 | "+spf)
	publish(ddns.Found{{None: "no route"}, none}, "2a00:1::25 | 9.8.7.25 | "+spf)
	publish(ddns.Found{v4, none}, "9.8.7.25 | "+spf)
	publish(ddns.Found{v4, v6("2a00:2::25")}, "2a00:2::25 | 9.8.7.25 | v=spf1 ip4:9.8.7.25 ip6:2a00:2::25 -all")
}

// A watcher follows the interface, waits out a provider that is down, and stops without a fault.
func TestDDNSWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var down atomic.Bool
		b := dynamic(t, providertest.MemoryOptions{Hook: func(p providertest.Point) error {
			if down.Load() && p.At == providertest.Comparing {
				return errors.New("the provider is down")
			}
			return nil
		}})
		k, err := b.ddnsKeeper(ddnsFlags{
			hosts: []string{"mail.example.org"}, sources: []string{"interface:eth0"}, family: &choice{value: "4"}, provider: providerFlags{spec: "rfc2136:memory"},
			watch: true, every: span(5 * time.Minute), noWarn: true, quiet: true,
			examFlags: examFlags{timeout: span(time.Minute), output: &output{app: b.app, format: &choice{value: "text"}}},
		}, nil)
		if err != nil || k.remember() != nil {
			t.Fatal(err)
		}
		start := time.Now()
		k.detector.IfInet6 = func() (io.ReadCloser, error) { return nil, os.ErrNotExist }
		k.detector.Interfaces = func(string) ([]netip.Prefix, error) {
			minutes := int(time.Since(start) / time.Minute)
			switch {
			case minutes < 30:
				return []netip.Prefix{netip.MustParsePrefix("9.8.7.25/24")}, nil
			case minutes < 60:
				return nil, errors.New("the interface is down")
			}
			return []netip.Prefix{netip.MustParsePrefix("9.8.7.60/24")}, nil
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- k.watch(ctx) }()
		const before = "2a00:1::25 | 9.8.7.25 | v=spf1 ip4:9.8.7.25 ip6:2a00:1::25 -all"
		time.Sleep(55 * time.Minute)
		synctest.Wait()
		b.wantThere(before)
		down.Store(true)
		time.Sleep(25 * time.Minute) // at 80
		synctest.Wait()
		b.wantThere(before)
		down.Store(false)
		time.Sleep(15 * time.Minute)
		synctest.Wait()
		b.wantThere("2a00:1::25 | 9.8.7.60 | v=spf1 ip4:9.8.7.60 ip6:2a00:1::25 -all")
		cancel()
		if err := <-done; err != nil {
			t.Errorf("stopped: %v", err)
		}
		for _, text := range []string{"could not be told: interface:eth0: the interface is down; next in", "not in step: ", "the provider is down; next in"} {
			if !strings.Contains(b.err.String(), text) {
				t.Errorf("it does not say %q:\n%s", text, &b.err)
			}
		}
	})
}

// What the provider refuses it refuses again: a watcher ends.
func TestDDNSDenied(t *testing.T) {
	b := dynamic(t, providertest.MemoryOptions{})
	b.providers[0].open = func(context.Context, *app, providerFlags, string, string) (providers.Provider, error) {
		return nil, fmt.Errorf("rfc2136: %w", providers.ErrDenied)
	}
	b.want(exitFailed, b.step("", "9.8.7.26"), "permission denied")
	b.want(exitFailed, b.step("--watch", "9.8.7.26"), "permission denied")
}

// What hinders mail from a line at home is told, and does not fail.
func TestDDNSWarns(t *testing.T) {
	b := dynamic(t, providertest.MemoryOptions{})
	b.live = func(context.Context, liveOptions) (examiner, error) {
		p, err := newPlayer("../testdata/scenarios/address.home.txtar")
		return servedWorld{p, b}, err
	}
	args := []string{"ddns", "--host", "mail.example.org", "--provider", "rfc2136:memory", "--allow-private", "--source", "address:198.51.100.77"}
	b.want(exitHealthy, b.run(append(args, "--dry-run")...), "dsl-77.pool.access.example", "not meant to send mail directly (PBL, 127.0.0.10)", "maildoctor ip 198.51.100.77 --helo mail.example.org")
	b.want(exitHealthy, b.run(append(args, "--format", "json")...), `"in_step":true`, `{"level":"warning","text":"198.51.100.77 is on a policy list`)
	b.want(exitHealthy, b.run(args...), "nothing to change")
	if strings.Contains(b.out.String(), "PBL") {
		t.Errorf("lists are asked though nothing changed:\n%s", &b.out)
	}
}

// What was published is not guessed where the file that says it cannot be read.
func TestDDNSState(t *testing.T) {
	b := dynamic(t, providertest.MemoryOptions{})
	b.want(exitHealthy, b.step("", "9.8.7.26"))
	path := filepath.Join(b.state, "mail.example.org", ddnsFile)
	if text, err := os.ReadFile(path); err != nil || !strings.Contains(string(text), "9.8.7.26") || strings.Contains(string(text), "9.8.7.25") {
		t.Errorf("%s %v", text, err)
	}
	for _, text := range []string{"", "{}", `{"schema":"maildoctor.ddns-state/v2"}`, "\x00"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		b.want(exitFailed, b.step("", "9.8.7.27"), "is no file of the version")
	}
	b.wantThere("2a00:1::25 | 9.8.7.26 | v=spf1 ip4:9.8.7.26 ip6:2a00:1::25 -all")
}
