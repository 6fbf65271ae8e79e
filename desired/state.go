package desired

import (
	"net/netip"
	"slices"
	"time"

	"github.com/maildoctor/maildoctor/mailauth/dane"
	"github.com/maildoctor/maildoctor/mailauth/dmarc"
	"github.com/maildoctor/maildoctor/mailauth/mtasts"
	"github.com/maildoctor/maildoctor/mailauth/spf"
)

// A State is what the owner wants of all domains in one file.
type State struct {
	Hosts    []Host    // in the order of preference
	Defaults Settings  // what each domain has that does not say otherwise
	Domains  []Domain  // in the order of the file
	Check    *Checking // how they are examined; nil: not said
	MTA      *MTA      // how maildoctor's own mail server runs; nil if nothing was said

	at map[string]Position // of keys, by path
}

// A Host is a mail host of the owner's own.
type Host struct {
	Name  string        // canonical
	Addrs []netip.Addr  // IPv4 first
	TLSA  []dane.Record // of its certificates on port 25: this one, and the next
}

// A Domain is a mail domain, or one without mail.
type Domain struct {
	Name string // canonical
	Settings
}

// Settings say how a domain has its mail. What is zero was not said.
type Settings struct {
	Profile    string        // name of a Profile
	Hosts      []string      // names of mail hosts in the order of preference, canonical; all of the file's if none
	MX         string        // who takes the mail, where several could: the name of the profile or of a service
	Services   []Use         // sorted by name
	DKIM       []Key         // in the order of the file
	DMARC      DMARC         //
	SPF        SPF           //
	MTASTS     MTASTS        //
	Reports    []string      // addresses for DMARC and TLS reports; [None] for no reports
	TLSReports []string      // addresses for TLS reports, if others
	Autoconfig Switch        //
	Clients    []string      // what mail programs may use, by the names of RFC 6186; [None] for nothing
	CAA        CAA           //
	NoMail     []string      // names below the domain that neither send nor receive, canonical or relative
	DNSSEC     Switch        // the zone is signed
	TTL        time.Duration // of every record; the profile's if zero
	Provider   Provider      // who holds the zone
	TSIGKey    string        // path of a BIND key file, as it stands in the file; never the key itself
}

// None is what stands in a list, or for a name, that shall be empty and not the default.
const None = "none"

// A Switch is on, off or not said.
type Switch int

const (
	Unsaid Switch = iota
	On
	Off
)

// A Use is a service that a domain uses, with what its account was issued.
type Use struct {
	Service string
	Values  []Value // sorted by name
}

// A Value is what one input of a service was given. Most have one text.
type Value struct {
	Name  string
	Texts []string
}

// A Key is a DKIM key under its selector.
type Key struct {
	Selector string // empty for that of the profile
	Record   string // of the key, "v=DKIM1; k=rsa; p=..."; empty where it is revoked
	File     string // where the key came from; empty where it stands in the file itself
	Revoked  bool   // withdrawn: published with an empty p (RFC 6376, 3.6.1)
}

// A DMARC is what the owner wants receivers to do with mail that fails.
type DMARC struct {
	Policy      dmarc.Policy // the stage; of the last of Stages that has begun, if there are any
	Subdomains  dmarc.Policy
	NonExistent dmarc.Policy
	Testing     Switch // t=y: one stage less than it says (RFC 9989, 4.7)
	Strict      Switch // adkim=s and aspf=s
	RUA, RUF    []string
	Stages      []Stage // in the order of time
}

// A Stage is a policy and the day from which on it is published, in UTC.
type Stage struct {
	From   time.Time
	Policy dmarc.Policy
}

// An SPF is what the owner says of the SPF record beyond profile and services.
type SPF struct {
	All  spf.Qualifier // of the all at the end; 0 if not said
	Also []string      // further mechanisms, "ip4:192.0.2.80", "include:_spf.example.net"
}

// An MTASTS is the policy by which senders shall insist on TLS.
type MTASTS struct {
	Mode   mtasts.Mode   // None where MTA-STS is off; empty if not said
	Host   string        // that serves the policy, canonical; the first mail host if empty
	MaxAge time.Duration // the profile's if zero
	ID     string        // one of the owner's own; made of the policy if empty
}

// A CAA is the certification authorities that may issue for the domain.
type CAA struct {
	Issue, IssueWild []string // identifiers; [None] for nobody
	Iodef            string   // URI to which they report
}

// Over is s with what it does not say taken from base. Services and their values
// are joined; a list is that of s if it has any.
func (s Settings) Over(base Settings) Settings {
	or(&s.Profile, base.Profile)
	orList(&s.Hosts, base.Hosts)
	or(&s.MX, base.MX)
	s.Services = joined(s.Services, base.Services)
	orList(&s.DKIM, base.DKIM)
	s.DMARC = s.DMARC.over(base.DMARC)
	or(&s.SPF.All, base.SPF.All)
	orList(&s.SPF.Also, base.SPF.Also)
	or(&s.MTASTS.Mode, base.MTASTS.Mode)
	or(&s.MTASTS.Host, base.MTASTS.Host)
	or(&s.MTASTS.MaxAge, base.MTASTS.MaxAge)
	or(&s.MTASTS.ID, base.MTASTS.ID)
	orList(&s.Reports, base.Reports)
	orList(&s.TLSReports, base.TLSReports)
	or(&s.Autoconfig, base.Autoconfig)
	orList(&s.Clients, base.Clients)
	orList(&s.CAA.Issue, base.CAA.Issue)
	orList(&s.CAA.IssueWild, base.CAA.IssueWild)
	or(&s.CAA.Iodef, base.CAA.Iodef)
	orList(&s.NoMail, base.NoMail)
	or(&s.DNSSEC, base.DNSSEC)
	or(&s.TTL, base.TTL)
	or(&s.Provider, base.Provider)
	or(&s.TSIGKey, base.TSIGKey)
	return s
}

func (d DMARC) over(base DMARC) DMARC {
	if d.Policy == "" && len(d.Stages) == 0 {
		d.Policy, d.Stages = base.Policy, base.Stages
	}
	or(&d.Subdomains, base.Subdomains)
	or(&d.NonExistent, base.NonExistent)
	or(&d.Testing, base.Testing)
	or(&d.Strict, base.Strict)
	orList(&d.RUA, base.RUA)
	orList(&d.RUF, base.RUF)
	return d
}

func or[T comparable](value *T, base T) {
	var zero T
	if *value == zero {
		*value = base
	}
}

func orList[T any](list *[]T, base []T) {
	if *list == nil {
		*list = base
	}
}

// joined is the services of both, with the values of own before those of base.
func joined(own, base []Use) []Use {
	all := slices.Clone(own)
	for _, b := range base {
		i := slices.IndexFunc(all, func(u Use) bool { return u.Service == b.Service })
		if i < 0 {
			all = append(all, b)
			continue
		}
		all[i].Values = slices.Clone(all[i].Values)
		for _, v := range b.Values {
			if all[i].Texts(v.Name) == nil {
				all[i].Values = append(all[i].Values, v)
			}
		}
	}
	return all
}

// Texts is what an input was given; nil if it was not.
func (u Use) Texts(name string) []string {
	for _, v := range u.Values {
		if v.Name == name {
			return v.Texts
		}
	}
	return nil
}

// At is where a key of the file stands, by its path: "domains.example.com.dkim".
// Where the path itself is not known, it is that of the nearest above.
func (s State) At(path string) Position {
	for path != "" {
		if at, ok := s.at[path]; ok {
			return at
		}
		cut := len(path) - 1
		for cut >= 0 && path[cut] != '.' {
			cut--
		}
		path = path[:max(cut, 0)]
	}
	return Position{}
}
