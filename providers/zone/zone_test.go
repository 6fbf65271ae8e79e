package zone

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/providers"
	"github.com/maildoctor/maildoctor/providers/providertest"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/zonefile"
)

// TestProvider holds the provider to what every one has to do, with the names in
// the file absolute, and relative.
func TestProvider(t *testing.T) {
	for name, relative := range map[string]bool{"absolute": false, "relative": true} {
		t.Run(name, func(t *testing.T) {
			providertest.Run(t, providertest.Backend{Serve: func(t *testing.T, zone string, records []record.Record) providertest.Service {
				s := &service{path: filepath.Join(t.TempDir(), "zone"), zone: zone, relative: relative}
				s.write(t, records)
				return s
			}})
		})
	}
}

// A service is a file.
type service struct {
	path, zone string
	relative   bool
	fault      func(put func() error) error // of the next write
}

func (s *service) Open(ctx context.Context, domain string) (providers.Provider, error) {
	p, err := Open(ctx, domain, Options{Path: s.path})
	if err != nil {
		return nil, err
	}
	p.put = func(path string, text []byte, like fs.FileInfo) error {
		put := func() error { return replace(path, text, like) }
		if fault := s.fault; fault != nil {
			s.fault = nil
			return fault(put)
		}
		return put()
	}
	return p, nil
}

// Denied is a provider whose directory is not writable. Root may write anywhere, so
// that the system is not asked.
func (s *service) Denied(ctx context.Context, domain string) (providers.Provider, error) {
	p, err := Open(ctx, domain, Options{Path: s.path})
	if err != nil {
		return nil, err
	}
	p.put = func(path string, _ []byte, _ fs.FileInfo) error {
		return &fs.PathError{Op: "open", Path: path + "\a", Err: fs.ErrPermission}
	}
	return p, nil
}

func (s *service) Records(t *testing.T) []record.Record {
	t.Helper()
	text, err := os.ReadFile(s.path)
	if err != nil {
		t.Fatal(err)
	}
	records, err := zonefile.Read(bytes.NewReader(text), ".")
	if err != nil {
		t.Fatal(err)
	}
	return records
}

func (s *service) Change(t *testing.T, edits ...record.Edit) {
	t.Helper()
	records := s.Records(t)
	for _, e := range edits {
		records = append(slices.DeleteFunc(records, e.Slot.Holds), e.Want...)
	}
	s.write(t, records)
}

func (s *service) Break(t *testing.T, how providertest.Fault) {
	switch how {
	case providertest.Refused:
		s.fault = func(func() error) error { return errors.New("no space left on device") }
	case providertest.Lost:
		s.fault = func(put func() error) error { return errors.Join(put(), errors.New("input/output error")) }
	case providertest.Cut:
		s.fault = func(func() error) error { return errors.New("input/output error") }
	}
}

func (s *service) write(t *testing.T, records []record.Record) {
	t.Helper()
	var entries []zonefile.Entry
	for _, r := range records {
		entries = append(entries, zonefile.Entry{Record: r})
	}
	var b bytes.Buffer
	if err := zonefile.Write(&b, entries, zonefile.WriteOptions{Origin: s.zone, Relative: s.relative, TTL: 3600, Header: []string{"a zone"}}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

var now = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

func clock() time.Time { return now }

// put puts a file into a directory of its own.
func put(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o640); err != nil {
		t.Fatal(err)
	}
	return path
}

const soa = "$TTL 1h\n@ IN SOA ns.example.net. host.example.net. 1 2 3 4 5\n@ IN NS ns.example.net.\n"

// What zone a file is of.
func TestOpenFindsTheZone(t *testing.T) {
	for name, tt := range map[string]struct{ file, text, domain, origin, zone string }{
		"by $ORIGIN":            {"x", "$ORIGIN example.org.\n" + soa, "example.org", "", "example.org."},
		"as BIND writes it":     {"x", "$ORIGIN .\n" + strings.NewReplacer("@", "example.org").Replace(soa) + "$ORIGIN example.org.\nmail A 192.0.2.1\n", "example.org", "", "example.org."},
		"above the domain":      {"x", "$ORIGIN example.org.\n" + soa, "a.b.example.org", "", "example.org."},
		"by the SOA record":     {"x", strings.Replace(soa, "@ IN SOA", "example.org. IN SOA", 1) + "mail A 192.0.2.1\n", "a.example.org", "", "example.org."},
		"by its name":           {"db.example.org", soa, "a.example.org", "", "example.org."},
		"by its name, in full":  {"Sub.Example.org.zone", soa, "sub.example.org", "", "sub.example.org."},
		"by part of its name":   {"my-example.org.zone", soa, "sub.example.org", "", ""},
		"by nothing":            {"zonefile", soa, "sub.example.org", "", "sub.example.org."},
		"by the option":         {"zonefile", soa, "sub.example.org", "example.org", "example.org."},
		"another zone":          {"x", "$ORIGIN example.net.\n" + soa, "example.org", "", ""},
		"another zone, by name": {"example.net.zone", soa, "example.org", "", ""},
		"below the domain":      {"x", "$ORIGIN a.example.org.\n" + soa, "example.org", "", ""},
		"a fragment":            {"x", "example.org. A 192.0.2.1\n", "example.org", "", ""},
		"no final dot":          {"x", "$ORIGIN example.org\n" + soa, "example.org", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := Open(t.Context(), tt.domain, Options{Path: put(t, tt.file, tt.text), Origin: tt.origin})
			switch {
			case tt.zone == "" && !errors.Is(err, providers.ErrNoZone):
				t.Errorf("%v, want no zone", err)
			case tt.zone != "" && (err != nil || p.Zone() != tt.zone):
				t.Errorf("%v %v, want %s", p, err, tt.zone)
			}
		})
	}
}
