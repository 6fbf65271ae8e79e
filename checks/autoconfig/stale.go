package autoconfig

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/checks/mx"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
)

// Stale: mail programs are not sent to where the mail used to be.
var Stale = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "autoconfig.stale",
		Title:    "No record leads mail programs to a former provider",
		Severity: diagnosis.Warning,
		Why:      "New mail arrives at the new provider, and whoever sets up a mail program is logged in at the old one: to a mailbox that gets nothing, or with a password that the new provider alone should see.",
		Doc: `When a domain moves, its MX records are changed, and what mail programs go by is forgotten: the alias autodiscover.<domain>, the SRV records, the settings at autoconfig.<domain>. Here the hosts that these name are compared with the MX hosts. It is a fault where they belong to a provider that is known, and the mail goes to another one, or to a host of the domain's own.

It is none where that cannot be told: the MX hosts are a filter's, a forwarder's or of somebody who is not known, behind which the mailboxes may be anywhere; or the SPF record still names the provider, which then is in use for something (as with Exchange in hybrid use).

To fix it, delete the record, or lead it to where the mailboxes are now; the new provider's manual has the names. People who have set up their mail program by the old record have to set it up again. That the old account still takes their password is a reason to close it.`,
		Refs: []diagnosis.Ref{
			{Name: "RFC 6186, 3"},
			{Name: "Thunderbird accounts, issue 857", URL: "https://github.com/thunderbird/thunderbird-accounts/issues/857"},
		},
	},
	Needs: []*checks.Check{mx.Exists},
	Run:   stale,
})

// A guide is one record, or one document, that leads mail programs to a host.
type guide struct {
	name     string // of the record, or of the host of the document; for a reader
	what     string // "the alias autodiscover.example.org"
	host     string // to which it leads
	edit     *record.Edit
	evidence diagnosis.Evidence
}

func stale(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	var v diagnosis.Verdict
	guides, errs, err := guides(ctx, env)
	if err != nil {
		return v, err
	}
	v.Doubts = doubts(errs)
	guides = slices.DeleteFunc(guides, func(g guide) bool { _, known := facts.ServesClients(g.host); return !known })
	if len(guides) == 0 {
		if len(v.Doubts) == 0 {
			v.Seen = []diagnosis.Evidence{{Question: record.Display(env.Domain), Answer: "nothing leads mail programs to a former provider"}}
		}
		return v, nil
	}
	home, why, err := home(ctx, env)
	if err != nil {
		return v, err
	}
	for _, g := range guides {
		provider, _ := facts.ServesClients(g.host)
		used, err := inUse(ctx, env, provider)
		switch {
		case err != nil:
			return v, err
		case slices.Contains(home.providers, provider):
			v.Seen = append(v.Seen, diagnosis.Evidence{Question: g.what, Answer: "leads to " + provider + ", as the MX records do"})
		case why != "":
			v.Seen = append(v.Seen, diagnosis.Evidence{Question: g.what, Answer: "leads to " + provider + "; " + why})
		case used:
			v.Seen = append(v.Seen, diagnosis.Evidence{Question: g.what, Answer: "leads to " + provider + ", which SPF lets send"})
		default:
			v.Findings = append(v.Findings, leftover(g, provider, home))
		}
	}
	return v, nil
}

func leftover(g guide, provider string, home residence) diagnosis.Finding {
	f := diagnosis.Finding{
		Subject: g.name, Severity: diagnosis.Warning, Evidence: []diagnosis.Evidence{g.evidence, home.evidence},
		Message: fmt.Sprintf("mail programs are led to %s (%s) by %s, and the mail goes to %s: new accounts are set up at the wrong place", provider, record.Display(g.host), g.what, home),
	}
	if g.edit != nil {
		f.Remedy.Edits = []record.Edit{*g.edit}
	} else {
		f.Remedy.Steps = []string{fmt.Sprintf("Have %s name the hosts of %s, or delete it.", g.what, home)}
	}
	return f
}

// A residence is where the mail of a domain goes.
type residence struct {
	providers []string
	own       string // a host of the domain's own
	evidence  diagnosis.Evidence
}

func (r residence) String() string {
	list := slices.Clone(r.providers)
	if r.own != "" {
		list = append(list, "the domain's own host "+record.Display(r.own))
	}
	return strings.Join(list, " and ")
}

// home is where the mail goes; why says what keeps that from being told.
func home(ctx context.Context, env *checks.Env) (r residence, why string, err error) {
	set, err := facts.MX.Of(ctx, env)
	if err != nil {
		return r, "", err
	}
	r.evidence = diagnosis.Evidence{Question: set.Answer.Question.String(), Answer: set.Answer.String()}
	if set.Implicit || len(set.Hosts) == 0 {
		return r, "the domain has no MX host to compare it with", nil
	}
	for _, h := range set.Hosts {
		p, known := facts.HostedBy(h.Name)
		_, keeps := facts.KeepsMailboxes(p.Name)
		switch {
		case known && keeps:
			if !slices.Contains(r.providers, p.Name) {
				r.providers = append(r.providers, p.Name)
			}
		case known:
			why = fmt.Sprintf("the MX host %s is of %s, which passes mail on to where nobody can see", record.Display(h.Name), p.Name)
		case facts.Owns(env, h.Name):
			r.own = h.Name
		default:
			why = fmt.Sprintf("whose the MX host %s is, is not known", record.Display(h.Name))
		}
	}
	return r, why, nil
}

// inUse reports whether the domain's SPF record names a provider, be it by way of
// another record.
func inUse(ctx context.Context, env *checks.Env, provider string) (bool, error) {
	r, err := facts.SPF.Of(ctx, env)
	if err != nil || r.Tree == nil {
		return false, err
	}
	for node := range r.Tree.Root.All() {
		if p, ok := facts.SendsBy(node.Domain); ok && node.Domain != "" && p.Name == provider {
			return true, nil
		}
	}
	return false, nil
}

// guides is everything that leads mail programs to a host by name, and the
// questions that might have told of more.
func guides(ctx context.Context, env *checks.Env) (list []guide, errs []error, err error) {
	services, err := facts.SRVServices.Of(ctx, env)
	if err != nil {
		return nil, nil, err
	}
	discovery, err := facts.Autodiscovered.Of(ctx, env)
	if err != nil {
		return nil, nil, err
	}
	settings, err := facts.MozillaSettings.Of(ctx, env)
	if err != nil {
		return nil, nil, err
	}
	for _, a := range append(slices.Clone(services.Mail), services.Autodiscover) {
		if a.Err != nil {
			errs = append(errs, a.Err)
		}
		list = append(list, ofSRV(a)...)
	}
	for _, h := range []struct {
		name       string
		addrs      facts.HostAddrs
		byWildcard bool
	}{{discovery.Host, discovery.HostAddrs, discovery.ByWildcard}, {settings.Host, settings.HostAddrs, settings.ByWildcard}} {
		if !h.byWildcard {
			errs = append(errs, h.addrs.Errs[:min(1, len(h.addrs.Errs))]...)
			list = append(list, ofAlias(h.name, h.addrs)...)
		}
	}
	return append(list, ofSettings(env, settings)...), errs, nil
}

// ofSRV is a guide for each provider that the records at one name lead to; what
// cures it is the set without its hosts.
func ofSRV(a facts.Announced) []guide {
	var list []guide
	for _, t := range a.Targets {
		provider, known := facts.ServesClients(t.Target)
		if t.Broken || t.Absent() || !known {
			continue
		}
		g := guide{
			name: record.Display(a.Name), what: "the SRV record " + record.Display(a.Name), host: t.Target,
			evidence: diagnosis.Evidence{Question: a.Answer.Question.String(), Answer: a.Answer.String()},
		}
		if !aliased(a) {
			edit := record.Edit{Slot: record.Slot{Name: a.Name, Type: "SRV"}}
			for _, other := range a.Targets {
				if p, _ := facts.ServesClients(other.Target); p != provider {
					edit.Want = append(edit.Want, other.Record)
				}
			}
			g.edit = &edit
		}
		if !slices.ContainsFunc(list, func(o guide) bool { p, _ := facts.ServesClients(o.host); return p == provider }) {
			list = append(list, g)
		}
	}
	return list
}

// ofAlias is the guide that an alias is.
func ofAlias(name string, h facts.HostAddrs) []guide {
	if len(h.Chain) == 0 || h.Chain[0].Name != name {
		return nil
	}
	at := slices.IndexFunc(h.Chain, func(r record.Record) bool { _, known := facts.ServesClients(r.Data); return known })
	if at < 0 {
		return nil
	}
	edit := record.Edit{Slot: record.Slot{Name: name, Type: "CNAME"}}
	return []guide{{
		name: record.Display(name), what: "the alias " + record.Display(name), host: h.Chain[at].Data, edit: &edit,
		evidence: diagnosis.Evidence{Question: "CNAME " + record.Display(name), Answer: h.Chain[0].Data},
	}}
}

// ofSettings is a guide for each provider that the settings of the domain's own
// web server lead to.
func ofSettings(env *checks.Env, s facts.Settings) []guide {
	if !s.Found || len(s.Tries) == 0 {
		return nil
	}
	f := s.Tries[len(s.Tries)-1].Last()
	host, _, _ := strings.Cut(strings.TrimPrefix(f.URL, "https://"), "/")
	var list []guide
	for _, server := range s.Servers {
		provider, known := facts.ServesClients(server.Name)
		if !known || len(s.Chain) > 0 && !facts.Owns(env, s.Chain[len(s.Chain)-1].Data) || // then the alias is the guide
			slices.ContainsFunc(list, func(o guide) bool { p, _ := facts.ServesClients(o.host); return p == provider }) {
			continue
		}
		list = append(list, guide{name: host, what: "the settings at " + host, host: server.Name, evidence: diagnosis.Evidence{Question: "GET " + f.URL, Answer: listing(s.Servers)}})
	}
	return list
}
