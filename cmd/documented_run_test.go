package cmd

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/desired"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/lab"
	"github.com/maildoctor/maildoctor/mta/client/clienttest"
	"github.com/maildoctor/maildoctor/providers"
	"github.com/maildoctor/maildoctor/scenario"
)

// A trial is how a documented command line is run here, without the internet.
type trial struct {
	also  []string // flags that keep it on this machine; $RESOLVER and $PORT stand for what the lab has
	typed string   // on standard input
	code  int      // with which it ends
	says  string   // a pattern for what it prints
	not   string   // why it is not run at all; it is parsed then
	swap  []string // words, and what stands for them; nothing leaves the word out
	first []string // words of a line that makes what this one reads
	dir   string   // where the page says to be
}

// TestDocumentedRuns runs every command line that stands in a block of README.md or of
// a page of docs, word for word: the DNS, the mail hosts and Cloudflare are a world
// of ours, in which example.com is healthy. What the table below does not know fails.
func TestDocumentedRuns(t *testing.T) {
	world := newDocumentedWorld(t)
	used := map[string]bool{}
	for _, page := range pagesForPeople(t) {
		if filepath.Base(page) == "cli.md" { // examples of all commands; they are held to parse
			continue
		}
		lines := slices.DeleteFunc(linesOf(t, page), func(l documentedLine) bool { return !l.block })
		if len(lines) == 0 {
			continue
		}
		t.Run(lines[0].page, func(t *testing.T) {
			world.unpack(t, "testdata/documented.txtar", page)
			for _, l := range lines {
				how, ok := trials[l.String()]
				if !ok && len(l.words) > 0 && slices.Contains(contained, l.words[0]) {
					world.run(t, l, trial{code: anyVerdict})
					continue
				}
				if !ok {
					t.Errorf("line %d: maildoctor %s: say in documented_trials_test.go how it is run without the internet", l.line, l)
					continue
				}
				used[l.String()] = true
				if how.not == "" {
					world.run(t, l, how)
				}
			}
		})
	}
	for line := range trials {
		if !used[line] {
			t.Errorf("no page has maildoctor %s", line)
		}
	}
}

// contained are the commands that ask nobody but the world of this test, so that their
// lines need no word of how they are run.
var contained = []string{"check", "checks", "explain", "message", "report", "version", "zone"}

// anyVerdict stands for the code of a run that came to its end: findings or not.
const anyVerdict = -1

// A documentedWorld is what stands for the internet.
type documentedWorld struct {
	domain, address *player
	text            string // of the domain's world
	resolver, port  string
}

// recording is what an examination with --record has heard; here a world that is known.
func (w offlineDoctor) recording() ([]byte, error) { return []byte(w.text), nil }

func newDocumentedWorld(t *testing.T) documentedWorld {
	text, err := os.ReadFile("../testdata/scenarios/healthy.txtar")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "world.txtar")
	world := strings.NewReplacer("mx1", "mail", "example.org", "example.com", "ip6:2001:db8:25::25 -all", "ip6:2001:db8:25::25 ?all", // something to cure
		":25 --\n220 mx1.example.org ESMTP ready\n", ":25 --\n220 mail.example.com ESMTP ready\nRCPT <postmaster@example.com>\n250 ok\nRCPT <abuse@example.com>\n250 ok\nRCPT <dmarc@example.com>\n250 ok\n").Replace(string(text))
	if err := os.WriteFile(file, []byte(world), 0o600); err != nil {
		t.Fatal(err)
	}
	w := documentedWorld{text: world}
	if w.domain, err = newPlayer(file); err != nil {
		t.Fatal(err)
	}
	if w.address, err = newPlayer("../testdata/scenarios/address.v4.txtar"); err != nil {
		t.Fatal(err)
	}
	s, err := scenario.Parse([]byte("A receiver on this machine.\ndomain: example.net\n\n-- zone example.net --\n@ MX 10 mx\nmx A 127.0.0.1\n-- zone gmail.com --\n@ MX 10 mx.example.net.\n" + string(documentedZone)))
	if err != nil {
		t.Fatal(err)
	}
	internet, err := lab.Start(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { internet.Close() })
	w.resolver = internet.Resolver()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go (&clienttest.Host{Name: "mx.example.net", Offers: []string{"8BITMIME"}}).Serve(conn)
		}
	}()
	_, w.port, _ = net.SplitHostPort(listener.Addr().String())
	return w
}

const documentedZone = `-- zone example.com --
@ NS ns1.example.net.
@ MX 10 mail
@ TXT "v=spf1 mx -all"
mail A 192.0.2.25
`

// An offlineDoctor examines in that world.
type offlineDoctor struct {
	*player
	address *player
	text    string
}

// examine: addresses are examined in a world of their own.
func (w offlineDoctor) examine(ctx context.Context, s subject, list []*checks.Check, observe func(diagnosis.Result)) diagnosis.Report {
	if s.addr.IsValid() {
		return w.address.examine(ctx, s, list, observe)
	}
	return w.player.examine(ctx, s, list, observe)
}

// unpack makes a folder with the files of an archive, and goes there: those for every
// page, and those for this one, which stand below its name.
func (w documentedWorld) unpack(t *testing.T, archive, page string) {
	t.Helper()
	a, err := txtar.ParseFile(archive)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, f := range a.Files {
		of, file, _ := strings.Cut(f.Name, "/")
		if of != "all" && of != filepath.Base(page) {
			continue
		}
		name := filepath.Join(dir, filepath.FromSlash(file))
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if string(f.Data) == "THE FIRST FILE OF THE PAGE\n" {
			f.Data = firstYAML(t, page)
		}
		if err := os.WriteFile(name, f.Data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
}

// firstYAML is the first maildoctor.yaml that a page shows.
func firstYAML(t *testing.T, page string) []byte {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)```yaml\n(version: 1\n.*?)```").FindSubmatch(text)
	if block == nil {
		t.Fatalf("%s shows no maildoctor.yaml", page)
	}
	return block[1]
}

// run runs one line, and what stands after its pipe.
func (w documentedWorld) run(t *testing.T, l documentedLine, how trial) {
	t.Helper()
	if how.first != nil {
		w.run(t, documentedLine{line: l.line, words: how.first}, trial{})
	}
	if how.dir != "" {
		back, err := os.Getwd()
		if err != nil {
			t.Fatal(err)
		}
		t.Chdir(how.dir)
		defer t.Chdir(back)
	}
	var out, errs bytes.Buffer
	a := &app{in: strings.NewReader(how.typed), out: &out, err: &errs, env: func(name string) string {
		return map[string]string{"MAILDOCTOR_STATE_DIR": "state", "COLUMNS": "80"}[name]
	}}
	a.wire()
	a.live = func(context.Context, liveOptions) (examiner, error) {
		return offlineDoctor{w.domain, w.address, w.text}, nil
	}
	a.providers = slices.Clone(a.providers)
	for i, kind := range a.providers {
		if kind.name != desired.ByZoneFile { // they are all a file of this folder
			a.providers[i].open = func(ctx context.Context, a *app, f providerFlags, _, domain string) (providers.Provider, error) {
				return openZoneFile(ctx, a, f, "example.com.zone", domain)
			}
		}
	}
	var words []string
	for _, word := range l.words {
		for i := 0; i < len(how.swap); i += 2 {
			if word == how.swap[i] {
				word = how.swap[i+1]
			}
		}
		if word != "" { // paths of the system are in this folder
			words = append(words, regexp.MustCompile(`/(etc|var)/`).ReplaceAllString(word, "$1/"))
		}
	}
	for _, word := range how.also {
		words = append(words, strings.NewReplacer("$RESOLVER", w.resolver, "$PORT", w.port).Replace(word))
	}
	code := a.main(words)
	if how.code == anyVerdict && (code == exitHealthy || code == exitFound) {
		code = anyVerdict
	}
	if code != how.code {
		t.Errorf("line %d: maildoctor %s: exit code %d, want %d\n%s%s", l.line, l, code, how.code, out.String(), errs.String())
		return
	}
	if !regexp.MustCompile(how.says).MatchString(out.String() + errs.String()) {
		t.Errorf("line %d: maildoctor %s does not say %s\n%s%s", l.line, l, how.says, out.String(), errs.String())
	}
	if tail, ok := strings.CutPrefix(l.rest, "| jq "); ok {
		if _, err := exec.LookPath("jq"); err != nil {
			return
		}
		jq := exec.CommandContext(t.Context(), "sh", "-c", "jq "+tail)
		jq.Stdin = &out
		if text, err := jq.CombinedOutput(); err != nil {
			t.Errorf("line %d: jq %s: %v\n%s", l.line, tail, err, text)
		}
	}
}
