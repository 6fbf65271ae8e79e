package cmd

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"
)

// TestCompletions: what the shells ask for with the tab key is answered with the words
// of the program, each with what it is for where there is room.
func TestCompletions(t *testing.T) {
	for typed, want := range map[string]string{
		"explain spf.lookup":                  "spf.lookup-limit",
		"explain gmail-":                      "gmail-bulk",
		"explain zone.final":                  "zone.final-dot",
		"check --only spf.lookup":             "spf.lookup-limit",
		"check --skip mx,spf.lookup":          "mx,spf.lookup-limit",
		"check --policy yah":                  "yahoo",
		"check --policy gmail,yah":            "gmail,yahoo",
		"message mail.eml --policy gmail,mic": "gmail,microsoft",
		"check --fail-on warn":                "warning",
		"check --format sar":                  "sarif",
		"ip --only dnsbl.ip":                  "dnsbl.ipv6-listed",
		"message --only message.dat":          "message.date",
		"zone lint --only zone.final":         "zone.final-dot",
		"plan --provider cloud":               "cloudflare",
		"apply --provider rfc":                "rfc2136:",
		"zone export --from power":            "powerdns:",
		"dkim rotate --provider zo":           "zone:",
		"ddns --provider cl":                  "cloudflare",
		"init --profile mailc":                "mailcow",
		"init --relay bre":                    "brevo",
		"e2e --chaos greylist,no-t":           "greylist,no-tls",
		"mta run --log-format js":             "json",
		"completion po":                       "powershell",
		"help expl":                           "explain",
		"mta queue re":                        "retry",
		"expl":                                "explain",
	} {
		if got := completed(t, strings.Fields(typed)); !slices.Contains(got, want) {
			t.Errorf("maildoctor %s: %q, want %q among them", typed, got, want)
		}
	}
	if got := completed(t, []string{"check", "--policy", "gmail,"}); len(got) < 3 || strings.HasPrefix(got[0], "gmail,gmail,") {
		t.Errorf("a list: %q", got)
	}
}

// completed is the words that the program tells a shell.
func completed(t *testing.T, args []string) []string {
	t.Helper()
	var out bytes.Buffer
	a := &app{in: strings.NewReader(""), out: &out, err: io.Discard, env: func(string) string { return "" }}
	a.wire()
	if code := a.main(append([]string{"__complete"}, args...)); code != exitHealthy {
		t.Fatalf("%q: exit code %d", args, code)
	}
	var words []string
	for line := range strings.Lines(out.String()) {
		word, _, _ := strings.Cut(strings.TrimSpace(line), "\t")
		words = append(words, word)
	}
	return words
}
