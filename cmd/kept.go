package cmd

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/probe"
)

const (
	keptFor = 24 * time.Hour
	keptMax = 1 << 20 // octets
)

// A kept is an HTTP that keeps one document in a file: the list of refused
// networks, which is not to be fetched more than once an hour by anybody, and
// changes slowly. All else it fetches.
type kept struct {
	checks.HTTP
	path string
	now  func() time.Time
}

// keeping is next with the list kept in dir; next itself where dir is empty.
func keeping(next checks.HTTP, dir string) checks.HTTP {
	if dir == "" || next == nil {
		return next
	}
	return &kept{HTTP: next, path: filepath.Join(dir, "asndrop.json"), now: time.Now}
}

// keepFor is the directory for what may be kept; empty where the system has none.
func keepFor(env func(string) string) string {
	if env("HOME") == "" && env("XDG_CACHE_HOME") == "" && env("LocalAppData") == "" {
		return ""
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "maildoctor")
}

// Fetch gives the list as it was kept, if that is a day old at most. What is
// kept was had over a connection that was in order; that nothing can be kept is
// no fault.
func (k *kept) Fetch(ctx context.Context, r probe.Request) probe.Fetch {
	if r.URL != facts.RefusedNetworksURL {
		return k.HTTP.Fetch(ctx, r)
	}
	if body, ok := k.read(); ok {
		return probe.Fetch{URL: r.URL, TLS: &probe.TLS{}, Status: http.StatusOK, Reason: "200 OK, kept from an earlier run", Body: body}
	}
	f := k.HTTP.Fetch(ctx, r)
	if f.Err == nil && f.Status == http.StatusOK && !f.Truncated && f.TLS != nil && f.TLS.Trusted() && f.TLS.NameFault == "" {
		if _, _, err := facts.ParseASNDrop(f.Body); err == nil {
			k.write(f.Body)
		}
	}
	return f
}

func (k *kept) read() ([]byte, bool) {
	info, err := os.Stat(k.path)
	if err != nil || !info.Mode().IsRegular() || info.Size() > keptMax {
		return nil, false
	}
	if age := k.now().Sub(info.ModTime()); age < -time.Minute || age > keptFor {
		return nil, false
	}
	body, err := os.ReadFile(k.path)
	if err != nil {
		return nil, false
	}
	_, _, err = facts.ParseASNDrop(body)
	return body, err == nil
}

// write puts the file in place as a whole, as several may run at once.
func (k *kept) write(body []byte) {
	dir := filepath.Dir(k.path)
	if os.MkdirAll(dir, 0o755) != nil {
		return
	}
	f, err := os.CreateTemp(dir, "asndrop-*")
	if err != nil {
		return
	}
	_, err = f.Write(body)
	if closed := f.Close(); err != nil || closed != nil || os.Rename(f.Name(), k.path) != nil {
		os.Remove(f.Name())
	}
}
