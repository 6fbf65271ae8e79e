package suite_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/suite"
	"github.com/maildoctor/maildoctor/resolve"
)

// A census counts what name servers are asked.
type census struct {
	next checks.Servers

	mu    sync.Mutex
	times map[resolve.Inquiry]int
}

func (c *census) Inquire(ctx context.Context, q resolve.Inquiry) (resolve.Statement, error) {
	c.mu.Lock()
	c.times[q]++
	c.mu.Unlock()
	return c.next.Inquire(ctx, q)
}

// TestServersAreAskedLittle: no name server is asked the same twice, nor more
// than it takes to know: eight questions, one of which is for a transfer, and one
// more of a server that has the parent zone too.
func TestServersAreAskedLittle(t *testing.T) {
	for _, name := range scenarioNames(t) {
		if !strings.HasPrefix(name, "ns.") && name != "healthy" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				world := load(t, name+".txtar")
				env := heard.env(t.Context(), world, world.DNS())
				c := &census{next: env.Servers, times: make(map[resolve.Inquiry]int)}
				env.Servers = c
				checks.Run(t.Context(), env, suite.All(), nil)
				each, transfers := make(map[string]int), make(map[string]int)
				for q, n := range c.times {
					if n > 1 {
						t.Errorf("%s was asked %d times", q, n)
					}
					each[q.Server.String()]++
					if q.Type == resolve.Transfer {
						transfers[q.Server.String()]++
					}
				}
				for server, n := range each {
					if n > 9 || transfers[server] > 1 {
						t.Errorf("%s was asked %d questions, %d transfers", server, n, transfers[server])
					}
				}
				if name == "healthy" && len(c.times) > 30 {
					t.Errorf("%d questions to the servers of a healthy domain", len(c.times))
				}
			})
		})
	}
}
