package daemon

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/maildoctor/maildoctor/resolve"
)

// unsigned answers everything with a message that holds nothing.
type unsigned struct{}

func (unsigned) Exchange(context.Context, resolve.Question) ([]byte, error) {
	return []byte{0, 0, 0x81, 0x80, 0, 0, 0, 0, 0, 0, 0, 0}, nil
}

// TestBlind: behind a resolver that knows no DNSSEC mail goes without DANE, and that
// is said once; once signatures have been seen, mail waits where they are missing.
func TestBlind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		p := NewProofs(t.Context(), unsigned{}, resolve.SecureOptions{})
		p.log = slog.New(slog.NewTextHandler(&log, nil))
		for range 3 {
			proof, err := p.Secure(t.Context(), resolve.Ask("example.org", "MX"))
			if err != nil || proof.Security != resolve.Insecure || proof.Why == "" {
				t.Errorf("%+v, %v", proof, err)
			}
			synctest.Wait()
			time.Sleep(proofsLast)
		}
		if n := strings.Count(log.String(), "DANE is not looked at"); n != 1 || p.Problem() == "" {
			t.Errorf("told %d times, problem %q:\n%s", n, p.Problem(), log.String())
		}
		for _, proof := range []resolve.Proof{{Security: resolve.Secure, Why: "by the word of the resolver"}, {Security: resolve.Secure}} {
			if p.Problem() == "" || p.isBlind(proof, nil) {
				t.Errorf("%+v: problem %q", proof, p.Problem())
			}
		}
		if proof, err := p.Secure(t.Context(), resolve.Ask("example.org", "MX")); err == nil || p.Problem() != "" {
			t.Errorf("%+v, %q", proof, p.Problem())
		}
		synctest.Wait()
		if !strings.Contains(log.String(), "passes on DNSSEC signatures now") {
			t.Error(log.String())
		}
	})
}
