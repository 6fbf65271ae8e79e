package cmd

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/probe"
)

// source counts what is fetched from it.
type source struct {
	fetch probe.Fetch
	asked int
}

func (s *source) Fetch(_ context.Context, r probe.Request) probe.Fetch {
	s.asked++
	f := s.fetch
	f.URL = r.URL
	return f
}

const aList = `{"asn":64509,"cc":"ZZ","asname":"BULLETPROOF"}` + "\n"

// TestKept: the list is fetched once a day, whatever becomes of the file.
func TestKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache", "maildoctor")
	web := &source{fetch: probe.Fetch{Status: http.StatusOK, TLS: &probe.TLS{}, Body: []byte(aList)}}
	now := time.Now()
	get := func(url string) string {
		k := keeping(web, dir).(*kept)
		k.now = func() time.Time { return now }
		return string(k.Fetch(t.Context(), probe.Request{URL: url}).Body)
	}
	file := filepath.Join(dir, "asndrop.json")
	steps := []struct {
		name  string
		do    func() error
		asked int
	}{
		{"the first time", nil, 1},
		{"again", nil, 1},
		{"hours later", func() error { now = now.Add(23 * time.Hour); return nil }, 1},
		{"a day later", func() error { now = now.Add(2 * time.Hour); return nil }, 2},
		{"from the future", func() error { now = time.Now().Add(-time.Hour); return nil }, 3},
		{"spoiled", func() error { now = time.Now().Add(time.Minute); return os.WriteFile(file, []byte("<html>"), 0o644) }, 4},
		{"too large", func() error { return os.Truncate(file, keptMax+1) }, 5},
		{"removed", func() error { return os.Remove(file) }, 6},
	}
	for _, step := range steps {
		if step.do != nil {
			if err := step.do(); err != nil {
				t.Fatal(err)
			}
		}
		if body := get(facts.RefusedNetworksURL); body != aList || web.asked != step.asked {
			t.Errorf("%s: fetched %d times, want %d; %q", step.name, web.asked, step.asked, body)
		}
	}
	before := web.asked
	get("https://mta-sts.example.org/.well-known/mta-sts.txt")
	get("https://mta-sts.example.org/.well-known/mta-sts.txt")
	if web.asked != before+2 {
		t.Error("what is no such list is kept")
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestKeptOnlyIfGood: what is no list, or came over a bad connection, is not kept.
func TestKeptOnlyIfGood(t *testing.T) {
	for name, f := range map[string]probe.Fetch{
		"an error page":         {Status: http.StatusServiceUnavailable, TLS: &probe.TLS{}, Body: []byte(aList)},
		"a captive portal":      {Status: http.StatusOK, TLS: &probe.TLS{}, Body: []byte("<html>")},
		"half of it":            {Status: http.StatusOK, TLS: &probe.TLS{}, Body: []byte(aList), Truncated: true},
		"another's certificate": {Status: http.StatusOK, TLS: &probe.TLS{NameFault: "x"}, Body: []byte(aList)},
		"no connection":         {Err: &probe.Error{}},
	} {
		web := &source{fetch: f}
		k := keeping(web, t.TempDir())
		for range 2 {
			k.Fetch(t.Context(), probe.Request{URL: facts.RefusedNetworksURL})
		}
		if web.asked != 2 {
			t.Errorf("%s is kept", name)
		}
	}
	if web := (&source{}); keeping(web, "") != web || keeping(nil, "x") != nil {
		t.Error("kept without a place, or without a source")
	}
}

// TestKeptNowhere: that nothing can be kept is no fault.
func TestKeptNowhere(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	web := &source{fetch: probe.Fetch{Status: http.StatusOK, TLS: &probe.TLS{}, Body: []byte(aList)}}
	f := keeping(web, filepath.Join(file, "below")).Fetch(t.Context(), probe.Request{URL: facts.RefusedNetworksURL})
	if string(f.Body) != aList {
		t.Errorf("%+v", f)
	}
}
