package inbox_test

import (
	"errors"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/mta/disk/disktest"
	"github.com/maildoctor/maildoctor/mta/inbox"
	"github.com/maildoctor/maildoctor/mta/smtpd"
)

var errPower = errors.New("the power is gone")

// TestPowerCut loses power at every call of Issue and Keep: what is there reads, and
// is whole; and what was taken is there.
func TestPowerCut(t *testing.T) {
	for n := 0; ; n++ {
		m := new(disktest.Mem)
		b, err := inbox.Open("/inbox", inbox.Options{FS: m, Now: func() time.Time { return begin }})
		if err != nil {
			t.Fatal(err)
		}
		calls := 0
		m.Before = func(disktest.Call) error {
			if calls++; calls > n {
				return errPower
			}
			return nil
		}
		a, issued := b.Issue("example.org", 0)
		kept := errPower
		if issued == nil {
			kept = b.Keep(arrival(a, "id"), strings.NewReader(text))
		}
		m.Before = nil
		for w := range m.PowerCuts() {
			after(t, n, w, a, issued == nil, kept == nil)
		}
		if kept == nil {
			return
		}
	}
}

// after is what is found when the power is back.
func after(t *testing.T, n int, w *disktest.Mem, a inbox.Address, issued, kept bool) {
	t.Helper()
	b, err := inbox.Open("/inbox", inbox.Options{FS: w, Now: func() time.Time { return begin }})
	if err != nil {
		t.Fatal(err)
	}
	if !issued { // there may be one all the same
		list, err := b.Addresses()
		if err != nil || len(list) > 1 {
			t.Errorf("call %d: %v, %v", n, list, err)
		}
		return
	}
	if !b.Takes(addr(a.Name)) {
		t.Errorf("call %d: the address is gone", n)
	}
	mails, err := b.Messages(a)
	if err != nil || kept && len(mails) != 1 {
		t.Errorf("call %d: %v, %v", n, mails, err)
	}
	for _, m := range mails {
		if got, err := b.Text(m); string(got) != text || err != nil {
			t.Errorf("call %d: %q, %v", n, got, err)
		}
	}
	if _, err := b.Sweep(); err != nil {
		t.Errorf("call %d: %v", n, err)
	}
}

// No address leads out of the directory, and at most one file is read for it.
func FuzzTakes(f *testing.F) {
	for _, s := range []string{"test-aaaaaaaaaaaaaaaaaaaa", "test-../../../etc/passwd", "TEST-\u212aaaaaaaaaaaaaaaaaaaa", "test-\x00", ""} {
		f.Add(s, "example.org")
	}
	f.Fuzz(func(t *testing.T, local, domain string) {
		m := new(disktest.Mem)
		b, err := inbox.Open("/inbox", inbox.Options{FS: m})
		if err != nil {
			t.Fatal(err)
		}
		calls := 0
		m.Before = func(c disktest.Call) error {
			if calls++; path.Dir(c.Name) != "/inbox" || calls > 1 {
				t.Errorf("%q@%q: %s", local, domain, c)
			}
			return nil
		}
		if b.Takes(smtpd.Address{Local: local, Domain: domain}) {
			t.Errorf("takes %q@%q", local, domain)
		}
	})
}
