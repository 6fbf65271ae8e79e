package desired

import (
	"slices"
	"strings"
	"sync"

	"github.com/maildoctor/maildoctor/mailauth/dmarc"
)

// A Service is what a relay or a hosted mail service asks its customers to publish.
type Service struct {
	Name     string // "ses"
	Title    string // "Amazon SES"
	Receives bool   // its hosts take the domain's mail
	Inputs   []Input
	SPF      string       // terms of the domain's SPF record, with its all; empty where none is wanted
	DMARC    dmarc.Policy // that its set-up page asks for; empty if it leaves that to the owner
	Reports  bool         // it wants a DMARC record with an address for reports
	Entries  []Entry      // with its MX records
	Note     string       // what the owner should know
}

// An Input is a value that an account is issued, or that its owner chose there.
type Input struct {
	Name    string
	Is      Kind
	Title   string   // what it is
	Where   string   // in the service's panel
	Default string   // where there is one that everybody has
	Max     int      // of a list: how many values; else 0
	Choices []string // of a Choice
	// Optional inputs may be left out; With names another input, with which this
	// one is needed.
	Optional bool
	With     string
}

// A Kind is what a value must look like.
type Kind int

const (
	Label    Kind = iota // a name below the domain, "bounce"
	HostName             // a host name
	Word                 // letters, digits and hyphens, "eu-west-1"
	Text                 // printable ASCII
	KeyText              // a DKIM key: the record, or the base64 of its p
	Choice               // one of a few
)

// services is the table, in order. Nothing changes it.
var services = sync.OnceValue(func() []Service {
	return slices.SortedFunc(slices.Values(slices.Concat(relays(), mailboxes())), func(a, b Service) int { return strings.Compare(a.Name, b.Name) })
})

// Services are the relays and hosted mail services, in the order of their names.
func Services() []Service { return slices.Clone(services()) }

// ServiceNames are the names of Services.
func ServiceNames() []string {
	var names []string
	for _, s := range services() {
		names = append(names, s.Name)
	}
	return names
}

// FindService returns the service of that name.
func FindService(name string) (Service, bool) {
	i := slices.IndexFunc(services(), func(s Service) bool { return s.Name == name })
	if i < 0 {
		return Service{}, false
	}
	return services()[i], true
}

const (
	whySigns   = "receivers find the key of its signatures (RFC 6376, 3.6)"
	whyVerify  = "shows the service that the domain is yours"
	whyBounces = "bounces reach the service, and SPF passes aligned with the domain (RFC 9989, 4.4.2)"
	whyTakes   = "mail for the domain goes to the service"
)

// keyCNAME is a selector that leads to a key at the service.
func keyCNAME(selector, target string) Entry {
	return Entry{Name: selector + "._domainkey", Type: "CNAME", Data: target, Level: Required, Reason: whySigns}
}

// keyTXT is a selector with a key that the service showed.
func keyTXT(selector, input string) Entry {
	return Entry{Name: selector + "._domainkey", Type: "DKIM", Data: "{" + input + "}", Level: Required, Reason: whySigns}
}

func takes(preference, host string) Entry {
	return Entry{Name: "@", Type: "MX", Data: preference + " " + host, Level: Required, Reason: whyTakes}
}

func verification(text, input string) Entry {
	return Entry{Name: "@", Type: "TXT", Data: text, Level: Required, Reason: whyVerify, If: input}
}
