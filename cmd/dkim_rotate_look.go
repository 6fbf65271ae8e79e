package cmd

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/maildoctor/maildoctor/mailauth/dkim"
	"github.com/maildoctor/maildoctor/published"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
	"github.com/maildoctor/maildoctor/rotation"
)

func isKey(text string) bool {
	key, _ := dkim.ParseKey(text)
	return dkim.IsKey(text) && !key.Revoked()
}

// look asks the authoritative servers for the selectors of a state.
func (r *rotating) look(ctx context.Context, s rotation.State) rotation.Observation {
	var names []string
	for _, k := range slices.Concat(s.Old, s.Next) {
		names = append(names, k.Selector)
	}
	return r.ask(ctx, names)
}

// ask asks each authoritative server itself for the records at selectors.
func (r *rotating) ask(ctx context.Context, selectors []string) rotation.Observation {
	const enough = 20 * time.Second
	ctx, cancel := context.WithTimeout(ctx, enough)
	defer cancel()
	o := rotation.Observation{File: r.entries, Carried: r.byProvider()}
	inquirer := r.world.servers()
	if inquirer == nil {
		o.Unknown = "name servers are not asked themselves here"
		return o
	}
	zone, err := zoneOf(ctx, r.world.asks(), r.domain)
	if err != nil {
		o.Unknown = err.Error()
		return o
	}
	servers, err := published.Servers(ctx, r.world.asks(), zone)
	if err != nil {
		o.Unknown = err.Error()
		return o
	}
	o.Servers = make([]rotation.Server, len(servers))
	var all sync.WaitGroup
	for i, s := range servers {
		all.Go(func() { o.Servers[i] = r.view(ctx, inquirer, s, zone, selectors) })
	}
	all.Wait()
	return o
}

// view is what one server has.
func (r *rotating) view(ctx context.Context, inquirer resolve.Inquirer, s published.Server, zone string, selectors []string) rotation.Server {
	out := rotation.Server{Name: s.Name, Addr: s.Addr.String(), Views: make(map[string]rotation.View)}
	out.Excused = slices.ContainsFunc(r.excused, func(name string) bool {
		return name == out.Addr || strings.EqualFold(record.Canonical(name), record.Canonical(s.Name))
	})
	var mu sync.Mutex
	var all sync.WaitGroup
	all.Go(func() {
		said, err := inquirer.Inquire(ctx, resolve.Inquiry{Name: zone, Type: "SOA", Server: s.Addr})
		if err != nil || !said.Conclusive() {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		out.Negative, out.Told = published.Negative(said.Own(), zone)
	})
	for _, selector := range selectors {
		all.Go(func() {
			said, err := inquirer.Inquire(ctx, resolve.Inquiry{Name: record.DKIMKey(selector, r.domain).Name, Type: "TXT", Server: s.Addr})
			v := viewOf(said, err)
			mu.Lock()
			defer mu.Unlock()
			out.Views[selector] = v
		})
	}
	all.Wait()
	return out
}

// viewOf is what a server said of one selector.
func viewOf(said resolve.Statement, err error) rotation.View {
	switch {
	case resolve.KindOf(err) != 0:
		return rotation.View{Err: resolve.KindOf(err).String()}
	case err != nil:
		return rotation.View{Err: err.Error()}
	case !said.Conclusive():
		return rotation.View{Err: fmt.Sprintf("does not answer for the zone (%s)", said.Code)}
	}
	var v rotation.View
	for _, rec := range said.Own() {
		if rec.Type == "CNAME" {
			return rotation.View{Alias: rec.Data, TTL: rec.TTL}
		}
		v.Texts, v.TTL = append(v.Texts, rec.Data), max(v.TTL, rec.TTL)
	}
	return v
}
