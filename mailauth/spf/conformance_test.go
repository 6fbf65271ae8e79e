package spf

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// suite is one document of the openspf.org test suite.
type suite struct {
	Description string
	Tests       map[string]suiteCase
	Zone        map[string][]any `yaml:"zonedata"`
}

type suiteCase struct {
	HELO        string `yaml:"helo"`
	Host        string
	MailFrom    string `yaml:"mailfrom"`
	Result      anyOf
	Explanation string
}

type anyOf []string

func (a *anyOf) UnmarshalYAML(n *yaml.Node) error {
	var many []string
	if err := n.Decode(&many); err == nil {
		*a = many
		return nil
	}
	var one string
	err := n.Decode(&one)
	*a = []string{one}
	return err
}

func TestSuiteRFC7208(t *testing.T) {
	good, all := runSuite(t, "rfc7208-tests.yml")
	t.Logf("SPF suite: %d of %d", good, all)
	if all != 203 {
		t.Errorf("the suite has %d cases, want 203", all)
	}
}

// No case is left out: where RFC 7208 decided what RFC 4408 left open, the older
// suite allows several results, and the one decided for is among them.
func TestSuiteRFC4408(t *testing.T) {
	good, all := runSuite(t, "rfc4408-tests.yml")
	t.Logf("SPF suite of RFC 4408: %d of %d", good, all)
	if all != 191 {
		t.Errorf("the suite has %d cases, want 191", all)
	}
}

func runSuite(t *testing.T, file string) (good, all int) {
	for _, s := range readSuite(t, file) {
		zone := s.zone()
		for _, name := range slices.Sorted(maps.Keys(s.Tests)) {
			c := s.Tests[name]
			all++
			if t.Run(name, func(t *testing.T) { c.run(t, zone) }) {
				good++
			}
		}
	}
	return good, all
}

func (c suiteCase) run(t *testing.T, zone resolve.Resolver) {
	got := Evaluate(t.Context(), zone, Params{IP: netip.MustParseAddr(c.Host), Sender: c.MailFrom, HELO: c.HELO, Now: time.Unix(1, 0)})
	if !slices.Contains(c.Result, string(got.Code)) {
		t.Errorf("got %s (%s), want %v", got.Code, got.Cause, c.Result)
	}
	want := c.Explanation
	if want == "DEFAULT" {
		want = ""
	}
	// Nibbles are written in lower case here, in upper case in the suite.
	if c.Explanation != "" && !strings.EqualFold(got.Explanation, want) {
		t.Errorf("explanation %q, want %q", got.Explanation, want)
	}
}

func readSuite(t *testing.T, file string) []suite {
	t.Helper()
	f, err := os.Open(filepath.Join(suiteDir(t), file))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var suites []suite
	for dec := yaml.NewDecoder(f); ; {
		var s suite
		err := dec.Decode(&s)
		if errors.Is(err, io.EOF) {
			return suites
		}
		if err != nil {
			t.Fatal(err)
		}
		suites = append(suites, s)
	}
}

// suiteDir finds the suites in the zip of the module that carries them.
func suiteDir(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "blitiri.com.ar/go/spf").Output()
	dir := strings.TrimSpace(string(out))
	if err != nil || dir == "" {
		t.Skipf("the module that carries the suite is not here: %v", err)
	}
	return filepath.Join(dir, "testdata")
}

// A testZone holds answers; names with timeout answer nothing else than what
// they hold.
type testZone struct {
	records map[resolve.Question][]record.Record
	names   map[string]bool
	broken  map[string]resolve.Kind
	cname   map[string]string
}

func (s suite) zone() testZone {
	z := testZone{map[resolve.Question][]record.Record{}, map[string]bool{}, map[string]resolve.Kind{}, map[string]string{}}
	for name, entries := range s.Zone {
		owner := record.Canonical(present(name))
		z.names[owner] = true
		hasTXT := slices.ContainsFunc(entries, func(e any) bool { m, ok := e.(map[string]any); return ok && m["TXT"] != nil })
		for _, e := range entries {
			m, ok := e.(map[string]any)
			if !ok { // a bare word
				z.broken[owner] = resolve.Timeout
				continue
			}
			for typ, value := range m {
				z.add(owner, typ, value, hasTXT)
			}
		}
	}
	return z
}

func (z testZone) add(owner, typ string, value any, hasTXT bool) {
	put := func(typ, data string) {
		q := resolve.Ask(owner, typ)
		z.records[q] = append(z.records[q], record.Record{Name: owner, Type: typ, Data: data})
	}
	switch typ {
	case "TIMEOUT":
		z.broken[owner] = resolve.Timeout
	case "SERVFAIL":
		z.broken[owner] = resolve.ServFail
	case "CNAMELOOP":
		z.broken[owner] = resolve.Chain
	case "CNAME":
		z.cname[owner] = record.Canonical(value.(string))
	case "SPF", "TXT":
		if typ == "SPF" && hasTXT { // SPF records stand for TXT where there are none
			return
		}
		if text := joined(value); text != "NONE" {
			put("TXT", text)
		}
	case "MX":
		pair := value.([]any)
		q := resolve.Ask(owner, "MX")
		z.records[q] = append(z.records[q], record.MX(owner, uint16(pair[0].(int)), record.Canonical(present(pair[1].(string)))))
	case "PTR":
		put(typ, record.Canonical(value.(string)))
	default:
		for _, addr := range strings.Fields(joined(value)) {
			put(typ, netip.MustParseAddr(addr).String())
		}
	}
}

func joined(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case []any:
		s := ""
		for _, part := range v {
			s += part.(string)
		}
		return s
	}
	return ""
}

func (z testZone) Resolve(ctx context.Context, q resolve.Question) (resolve.Answer, error) {
	a := resolve.Answer{Question: q}
	for range 10 {
		name := a.Target()
		a.Records = z.records[resolve.Ask(name, q.Type)]
		if kind := z.broken[name]; kind != 0 && len(a.Records) == 0 {
			return resolve.Answer{}, &resolve.Error{Question: q, Kind: kind}
		}
		target := z.cname[name]
		if target == "" {
			a.Exists = z.names[name]
			return a, nil
		}
		a.Chain = append(a.Chain, record.Record{Name: name, Type: "CNAME", Data: target})
	}
	return resolve.Answer{}, &resolve.Error{Question: q, Kind: resolve.Chain}
}
