package facts

import (
	"cmp"
	"context"
	"sync"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/mailauth/autoconfig"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// An Announced is what the SRV records at one name say.
type Announced struct {
	Service autoconfig.Service
	Name    string // canonical
	Answer  resolve.Answer
	Err     error // of the SRV question
	Targets []ServiceTarget
	Omitted int // targets beyond the bound
}

// A ServiceTarget is one of those records, and where it leads.
type ServiceTarget struct {
	autoconfig.SRV
	Record record.Record
	Broken bool // the data is not that of an SRV record
	HostAddrs
}

// Offered reports whether some record names a host.
func (a Announced) Offered() bool {
	for _, t := range a.Targets {
		if !t.Broken && !t.Absent() {
			return true
		}
	}
	return false
}

// Services is the services that SRV records of a domain announce.
type Services struct {
	Mail         []Announced // in the order of autoconfig.MailServices
	Web          []Announced // in that of autoconfig.WebServices
	Autodiscover Announced
}

// Announces reports whether there is any record at all about mail, one that says
// "not here" included.
func (s Services) Announces() bool {
	for _, a := range s.Mail {
		if len(a.Targets) > 0 {
			return true
		}
	}
	return false
}

// maxTargets bounds the targets of one service that are looked at.
const maxTargets = 4

// SRVServices is the fact of what the SRV records for mail programs announce. It
// has no error; each question has its own.
var SRVServices = checks.NewFact("the SRV records for mail programs", func(ctx context.Context, env *checks.Env) (Services, error) {
	var s Services
	var wg sync.WaitGroup
	ask := func(services []autoconfig.Service) []Announced {
		list := make([]Announced, len(services))
		for i, service := range services {
			wg.Go(func() { list[i] = announced(ctx, env, service) })
		}
		return list
	}
	s.Mail, s.Web = ask(autoconfig.MailServices()), ask(autoconfig.WebServices())
	wg.Go(func() { s.Autodiscover = announced(ctx, env, autoconfig.Autodiscover()) })
	wg.Wait()
	return s, ctx.Err()
})

func announced(ctx context.Context, env *checks.Env, service autoconfig.Service) Announced {
	a := Announced{Service: service}
	var ok bool
	if a.Name, ok = service.At(env.Domain); !ok {
		return a
	}
	if a.Answer, a.Err = env.DNS.Resolve(ctx, resolve.Ask(a.Name, "SRV")); a.Err != nil {
		return a
	}
	for _, r := range record.Sorted(a.Answer.Records) {
		if r.Type != "SRV" {
			continue
		}
		if len(a.Targets) == maxTargets {
			a.Omitted++
			continue
		}
		srv, ok := autoconfig.ParseSRV(r)
		a.Targets = append(a.Targets, ServiceTarget{SRV: srv, Record: r, Broken: !ok})
	}
	var wg sync.WaitGroup
	for i := range a.Targets {
		if t := &a.Targets[i]; !t.Broken && !t.Absent() && !isLiteral(t.Target) {
			wg.Go(func() { t.HostAddrs = Addresses(ctx, env, t.Target) })
		}
	}
	wg.Wait()
	return a
}

// IsLiteral reports whether the target is an IP address written where a host
// name belongs.
func (t ServiceTarget) IsLiteral() bool { return isLiteral(t.Target) }

// Owns reports whether a host is named under the same registrable domain as the
// domain that is examined.
func Owns(env *checks.Env, host string) bool {
	own := registrable(env.Domain)
	return record.Within(host, cmp.Or(own, env.Domain))
}

// OwnMailHost is an MX host of the domain that is named under it; empty where
// there is none, where that is not known, or where the domain takes no mail. It
// is empty, too, for a part of a registered domain: that takes bounces, or the
// mail of machines, as often as people's.
func OwnMailHost(ctx context.Context, env *checks.Env) string {
	set, err := MX.Of(ctx, env)
	if err != nil || set.Implicit || registrable(env.Domain) != env.Domain || TakesNoMail(ctx, env) != "" {
		return ""
	}
	for _, h := range set.Hosts {
		if !h.Literal && Owns(env, h.Name) {
			return h.Name
		}
	}
	return ""
}
