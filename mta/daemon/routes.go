package daemon

import (
	"github.com/maildoctor/maildoctor/desired"
	"github.com/maildoctor/maildoctor/mta/deliver"
)

// routes is which way mail goes; passwords are those of relays, by name.
func routes(m desired.MTA, passwords map[string]string) deliver.Routes {
	r := deliver.Routes{Relays: make(map[string]deliver.Relay)}
	for _, v := range m.Relays {
		r.Relays[v.Name] = deliver.Relay{
			Host: v.Host, Port: uint16(v.Port), User: v.User, Password: passwords[v.Name],
			ImplicitTLS: v.TLS == "implicit" || v.TLS == "" && v.Port == 465, // RFC 8314, 7.3
			Clear:       v.TLS == desired.None,
		}
	}
	for _, v := range m.Routes {
		rule := deliver.Rule{Provider: v.Provider, Fallback: v.Fallback, After: v.After, OnBlock: v.OnBlock == desired.On}
		if v.Via != desired.Direct {
			rule.Relay = v.Via
		}
		to := v.To
		if len(to) == 0 {
			to = []string{""}
		}
		for _, rule.Domain = range to {
			r.Rules = append(r.Rules, rule)
		}
	}
	return r
}

// warmup is how much goes out on each day.
func warmup(w *desired.WarmUp, counter deliver.Counter) deliver.Warmup {
	if w == nil {
		return deliver.Warmup{}
	}
	return deliver.Warmup{Start: w.Start, Daily: deliver.Ramp(w.First, w.Last, w.Factor), Counter: counter}
}
