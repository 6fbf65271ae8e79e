package zonelint

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/peertest"
)

// TestNamedLetsPass: BIND loads the zones in which these rules find something,
// so that nobody else tells of it.
func TestNamedLetsPass(t *testing.T) {
	program := peertest.Program(t, "named-checkzone")
	for _, id := range []string{
		"final-dot", "within", "text-cut", "text-glued", "text-size", "one-ttl", "duplicate", "null-mx", "target-alias",
		"target-private", "proxied", "two-spf", "two-dmarc", "two-dkim-keys", "two-mta-sts", "two-tls-rpt", "spf", "dkim",
		"dmarc", "report-consent", "mta-sts", "mta-sts-host", "tls-rpt", "bimi", "tlsa", "caa", "srv",
	} {
		content, err := os.ReadFile("../testdata/zones/lint/zone." + id + ".zone")
		if err != nil {
			t.Fatal(err)
		}
		text := string(content)
		if !strings.Contains(text, " SOA ") { // a fragment
			text = strings.Replace(text, "$TTL 3600\n", "$TTL 3600\n@ SOA ns.example.net. hostmaster 1 7200 900 1209600 300\n@ NS ns.example.net.\n", 1)
		}
		file := filepath.Join(t.TempDir(), "zone")
		peertest.Write(t, file, text)
		if output, err := exec.Command(program, "example.org", file).CombinedOutput(); err != nil {
			t.Errorf("zone.%s: %v\n%s", id, err, output)
		}
	}
}
