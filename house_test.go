// The tests of the house: which package may know which, what things are called,
// and that the documents tell the truth. They read the source and know nothing
// of mail.
package main_test

import (
	"path"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/go/packages"
)

const module = "github.com/maildoctor/maildoctor"

// floors is the map of the house, bottom up. A package imports packages of lower
// floors only; two rooms on one floor do not know each other. "x/*" is each
// package under x, a room of its own; "x/..." is x and all under it, one room.
var floors = [][]string{
	1:  {"record", "hosting", "mta/disk", "peertest"},
	2:  {"diagnosis", "resolve", "keyfile", "message", "mta/disk/disktest", "mta/spool", "mta/maildir", "mta/replies", "mailboxes"},
	3:  {"mailauth/*", "probe", "rdap", "zonefile", "policy", "score", "local", "mta/dsn", "mta/client/clienttest", "waiver", "feedback", "mta/certs", "mta/spam", "mta/compose"},
	4:  {"rcpt", "desired", "plan", "history", "zonelint", "judge", "senders", "mta/client"},
	5:  {"checks", "turnover", "migration", "providers", "ledger", "published", "rotation", "ddns", "mta/queue", "mta/smtpd", "mta/deliver"},
	6:  {"report", "checks/facts", "scenario/...", "providers/providertest", "providers/rfc2136/primary", "providers/cloudflare/fake", "mta", "mta/control"},
	7:  {"checks/*", "lab", "passage", "providers/*", "mta/metrics", "mta/inbox", "mta/testmail"}, // checks/*: the topics
	8:  {"checks/suite", "mta/daemon"},
	9:  {"cmd"},
	10: {"."}, // main
}

// libraries says who may import a library that has its place. Tests of those
// rooms may, too.
var libraries = map[string][]string{
	"github.com/miekg/dns":                  {"resolve", "zonefile", "lab", "providers/rfc2136", "providers/rfc2136/primary"},
	"github.com/spf13/cobra":                {"cmd"},
	"github.com/spf13/pflag":                {"cmd"},
	"github.com/charmbracelet/colorprofile": {"cmd"},
	"charm.land/lipgloss/v2":                {"report", "cmd"},
	"github.com/emersion/go-msgauth":        {"mailauth/dkim", "mailauth/authres", "judge", "mta"},
	"github.com/cloudflare/cloudflare-go":   {"providers/cloudflare"},
	"github.com/caddyserver/certmagic":      {"mta/certs"},
	"github.com/mholt/acmez":                {"mta/certs"},
	"go.uber.org/zap":                       {"mta/certs"},
	"github.com/prometheus/client_golang":   {"mta/metrics"},
}

// never lists what a room may not import although it lies on a lower floor.
var never = map[string][]string{
	"report":       {module + "/checks", module + "/resolve"}, // a renderer is a function of the report
	"checks/*":     {"net", "net/http", "os", "os/exec"},      // the world comes in through checks.Env
	"checks/facts": {"net", "os", "os/exec"},                  // of net/http the constants: see TestTopics
}

// emptyNames are package names that say nothing.
var emptyNames = []string{"util", "utils", "common", "helpers", "types", "models"}

func TestFloors(t *testing.T) {
	rooms := load(t)
	for _, p := range rooms {
		name := roomOf(p.PkgPath)
		floor, room := standsOn(name)
		if floor == 0 {
			t.Errorf("package %s stands on no floor; give it one in the table of this test", name)
			continue
		}
		if slices.Contains(emptyNames, p.Name) {
			t.Errorf("package %s: %q says nothing about what is in it", name, p.Name)
		}
		for _, imported := range p.Imports {
			checkImport(t, name, room, floor, imported.PkgPath)
		}
	}
}

func checkImport(t *testing.T, name, room string, floor int, imported string) {
	t.Helper()
	if slices.Contains(never[room], imported) {
		t.Errorf("package %s imports %s, which %s may not", name, imported, room)
	}
	if imported != module && !strings.HasPrefix(imported, module+"/") {
		return
	}
	other := roomOf(imported)
	switch below, its := standsOn(other); {
	case below == 0:
		t.Errorf("package %s imports %s, which stands on no floor", name, other)
	case below < floor:
	case its == room && strings.HasSuffix(room, "/..."):
	case its == room && room == "checks/*": // to name a check in Needs: see TestTopics
	default:
		t.Errorf("package %s on floor %d imports %s on floor %d; it may know lower floors only", name, floor, other, below)
	}
}

func TestStandsOn(t *testing.T) {
	for name, want := range map[string]int{
		"record": 1, "mailauth/spf": 3, "checks": 5, "checks/facts": 6, "scenario": 6, "scenario/smtpscript": 6,
		"checks/spf": 7, "checks/suite": 8, ".": 10, "mailauth": 0, "internal/x": 0, "checks/spf/inner": 0,
	} {
		if got, _ := standsOn(name); got != want {
			t.Errorf("%s stands on floor %d, want %d", name, got, want)
		}
	}
}

// standsOn returns the floor of a package and the entry of the table that it
// fits; 0 if none does. An entry that is its very name comes first.
func standsOn(name string) (floor int, room string) {
	for i, entries := range floors {
		for _, entry := range entries {
			if entry == name {
				return i, entry
			}
			tree, isTree := strings.CutSuffix(entry, "/...")
			inTree := isTree && (name == tree || strings.HasPrefix(name, tree+"/"))
			if each, ok := strings.CutSuffix(entry, "/*"); floor == 0 && (inTree || ok && path.Dir(name) == each) {
				floor, room = i, entry
			}
		}
	}
	return floor, room
}

// roomOf is an import path of this module as the table of floors has it.
func roomOf(pkgPath string) string {
	if pkgPath == module {
		return "."
	}
	return strings.TrimPrefix(pkgPath, module+"/")
}

// load reads every package of the house, without its tests, with its types.
func load(t *testing.T) []*packages.Package {
	t.Helper()
	rooms, err := packages.Load(&packages.Config{
		Mode: packages.NeedName | packages.NeedFiles | packages.NeedImports | packages.NeedSyntax | packages.NeedTypes | packages.NeedTypesInfo,
	}, "./...")
	if err != nil {
		t.Fatal(err)
	}
	rooms = slices.DeleteFunc(rooms, func(p *packages.Package) bool { return len(p.GoFiles) == 0 })
	for _, p := range rooms {
		for _, e := range p.Errors {
			t.Errorf("package %s does not build: %v", p.PkgPath, e)
		}
	}
	if len(rooms) == 0 {
		t.Fatal("no packages found")
	}
	return rooms
}
