package cmd

import (
	"bytes"
	"io/fs"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	cloud "github.com/maildoctor/maildoctor/providers/cloudflare/fake"
	"github.com/maildoctor/maildoctor/providers/providertest"
	"github.com/maildoctor/maildoctor/record"
)

// A zone at Cloudflare is planned, changed and brought back, and the token is
// nowhere: not in what is printed, not in plans, not in what is kept.
func TestCloudflareByCommand(t *testing.T) {
	api := cloud.New()
	zone, err := api.AddZone(zoneOfTest,
		record.TXT(zoneOfTest, "v=spf1 -all"), record.TXT(zoneOfTest, "verification=1"), record.TXT("_dmarc."+zoneOfTest, "v=DMARC1; p=none"))
	if err != nil {
		t.Fatal(err)
	}
	token := api.Token("", cloud.Everything)
	server := httptest.NewServer(api)
	defer server.Close()
	b := newBench(t, providertest.MemoryOptions{})
	b.providers = providerKinds
	env := b.env
	b.env = func(name string) string {
		switch name {
		case "CLOUDFLARE_API_TOKEN":
			return token
		case "CLOUDFLARE_BASE_URL":
			return server.URL + "/client/v4/"
		}
		return env(name)
	}
	file := b.saved()
	count := func(data string) (n int) {
		for _, r := range zone.Records() {
			if r.Data == data {
				n++
			}
		}
		return n
	}
	var said bytes.Buffer
	run := func(code int, args ...string) {
		t.Helper()
		b.want(code, b.run(args...))
		said.WriteString(b.out.String() + b.err.String())
	}
	run(exitHealthy, "apply", file, "--provider", "cloudflare", "--yes", "--verbose")
	if count("v=spf1 mx -all") != 1 || count("v=spf1 -all") != 0 || count("verification=1") != 1 {
		t.Fatalf("the zone holds %v", zone.Records())
	}
	run(exitHealthy, "apply", file, "--provider", "cloudflare", "--yes", "--format", "json")
	run(exitHealthy, "rollback", "example.org", "--yes")
	if count("v=spf1 -all") != 1 || count("v=spf1 mx -all") != 0 {
		t.Errorf("after the rollback: %v", zone.Records())
	}
	api.Fail(func(c cloud.Call) cloud.Fault {
		if c.Write() {
			return cloud.Denied()
		}
		return cloud.Fault{}
	})
	run(exitFailed, "apply", file, "--provider", "cloudflare", "--yes")
	token, wrong := "0123456789abcdefghijklmnopqrstuvwxyzABCD", token
	run(exitFailed, "apply", file, "--provider", "cloudflare", "--yes")
	for _, secret := range []string{token, wrong} {
		if strings.Contains(said.String(), secret) {
			t.Errorf("the token is shown:\n%s", said.String())
		}
		if err := filepath.WalkDir(b.state, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			text, err := os.ReadFile(path)
			if bytes.Contains(text, []byte(secret)) {
				t.Errorf("the token is in %s", path)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	b.env = env
	run(exitUsage, "apply", file, "--provider", "cloudflare", "--yes")
	if !strings.Contains(said.String(), "CLOUDFLARE_API_TOKEN") {
		t.Error("it is not said where the token comes from")
	}
}
