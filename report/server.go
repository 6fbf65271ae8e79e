package report

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// A Server is how a running mail server is.
type Server struct {
	At        time.Time
	Version   string
	PID       int
	Since     time.Time
	Reloaded  time.Time // zero: never
	Hostname  string
	Domains   []string // that mail is taken for
	Listeners []string // "mx 192.0.2.1:25"

	Sessions, Accepted, Refused uint64 // since it began; messages
	Delivered, Deferred, Failed uint64 // recipients
	Messages, Delivering        int    // in the queue; transactions
	DeferredMessages, Held      int
	Octets                      int64
	Oldest                      time.Time
	Spool                       string // directory
	Free, MinFree               uint64 // octets
	Certs                       []ServerCert
	Problems                    []string // what somebody should look at
}

// A ServerCert is a certificate that a server shows.
type ServerCert struct {
	Names    []string
	NotAfter time.Time // zero: there is none
	From     string    // a file, or an authority
	TLSA     []string  // what records of its key say, and of the next one if that is another
	Error    string
}

// ServerStatus writes for a person how a server is.
func ServerStatus(w io.Writer, s Server, o TextOptions) error {
	p := newPage(o)
	p.header("mail server " + flat(s.Hostname))
	p.gap()
	row := func(name, format string, args ...any) { p.para(pad(name, 13), fmt.Sprintf(format, args...), plain) }
	row("Runs", "since %s (%s), process %d, version %s", clock(s.Since), ago(s.At.Sub(s.Since)), s.PID, flat(s.Version))
	if !s.Reloaded.IsZero() {
		row("Settings", "read again %s", clock(s.Reloaded))
	}
	row("Takes", "mail for %s", some(s.Domains, 10))
	row("Listens", "%s", some(s.Listeners, 10))
	many := func(n uint64, noun string) string { return plural(int(clamped(n)), noun) }
	row("Since then", "%s; %s taken, %d refused", many(s.Sessions, "session"), many(s.Accepted, "message"), s.Refused)
	row("", "%s delivered to, %d failed; %s put off", many(s.Delivered, "recipient"), s.Failed, many(s.Deferred, "attempt"))
	row("Queue", "%s", queueInShort(s))
	row("Disk", "%s free; below %s no mail is taken", octetsOf(clamped(s.Free)), octetsOf(clamped(s.MinFree)))
	for i, c := range s.Certs {
		name := ""
		if i == 0 {
			name = "Certificates"
		}
		row(name, "%s", p.cert(c, s.At))
	}
	p.gap()
	for _, problem := range s.Problems {
		p.para(p.mark(warning)+" ", flat(problem), plain)
	}
	if len(s.Problems) == 0 {
		p.para(p.mark(passed)+" ", "nothing to look at", plain)
	}
	_, err := io.WriteString(w, p.String())
	return err
}

func clamped(n uint64) int64 { return int64(min(n, 1<<62)) }

// some is at most n of list.
func some(list []string, n int) string {
	switch {
	case len(list) == 0:
		return "nobody"
	case len(list) > n:
		return strings.Join(each(list[:n], flat), ", ") + fmt.Sprintf(" and %d more", len(list)-n)
	}
	return strings.Join(each(list, flat), ", ")
}

func queueInShort(s Server) string {
	if s.Messages == 0 {
		return "empty"
	}
	text := plural(s.Messages, "message") + " (" + octetsOf(s.Octets) + ")"
	if s.DeferredMessages > 0 {
		text += fmt.Sprintf(", %d deferred", s.DeferredMessages)
	}
	if s.Held > 0 {
		text += fmt.Sprintf(", %d held", s.Held)
	}
	if s.Delivering > 0 {
		text += fmt.Sprintf("; %d being delivered", s.Delivering)
	}
	return text + "; the oldest is " + ago(s.At.Sub(s.Oldest)) + " old"
}

func (p *page) cert(c ServerCert, now time.Time) string {
	name := some(c.Names, 3)
	if len(c.Names) == 0 {
		name = flat(c.From)
	}
	mark, text := p.mark(passed), ""
	switch left := c.NotAfter.Sub(now); {
	case c.NotAfter.IsZero():
		return p.mark(critical) + " " + name + ": none: " + flat(c.Error)
	case left <= 0:
		mark, text = p.mark(critical), "ended "+clock(c.NotAfter)
	default:
		text = "valid for " + ago(left) + ", until " + clock(c.NotAfter)
	}
	if len(c.TLSA) > 1 {
		text += "; the next one has another key, whose record comes first: TLSA " + flat(c.TLSA[1])
	}
	if c.Error != "" {
		mark, text = p.mark(warning), text+"; "+flat(c.Error)
	}
	return mark + " " + name + ": " + text
}

// ServerSchema stands in the field "schema" of what ServerJSON writes.
const ServerSchema = "maildoctor.server/v1"

type (
	wireServer struct {
		Schema    string           `json:"schema"`
		At        string           `json:"at"`
		Version   string           `json:"version"`
		PID       int              `json:"pid"`
		Since     string           `json:"since"`
		Reloaded  string           `json:"reloaded"`
		Hostname  string           `json:"hostname"`
		Domains   []string         `json:"domains"`
		Listeners []string         `json:"listeners"`
		Counts    wireServerCounts `json:"counts"`
		Queue     wireServerQueue  `json:"queue"`
		Spool     wireServerSpool  `json:"spool"`
		Certs     []wireServerCert `json:"certificates"`
		Problems  []string         `json:"problems"`
	}
	wireServerCounts struct {
		Sessions  uint64 `json:"sessions"`
		Accepted  uint64 `json:"accepted"`
		Refused   uint64 `json:"refused"`
		Delivered uint64 `json:"delivered"`
		Deferred  uint64 `json:"deferred"`
		Failed    uint64 `json:"failed"`
	}
	wireServerQueue struct {
		Messages   int    `json:"messages"`
		Delivering int    `json:"delivering"`
		Deferred   int    `json:"deferred"`
		Held       int    `json:"held"`
		Octets     int64  `json:"octets"`
		Oldest     string `json:"oldest"`
	}
	wireServerSpool struct {
		Path    string `json:"path"`
		Free    uint64 `json:"free"`
		MinFree uint64 `json:"min_free"`
	}
	wireServerCert struct {
		Names    []string `json:"names"`
		NotAfter string   `json:"not_after"`
		From     string   `json:"from"`
		TLSA     []string `json:"tlsa"`
		Error    string   `json:"error"`
	}
)

// ServerJSON writes for a program how a server is.
func ServerJSON(w io.Writer, s Server) error {
	return writeJSON(w, wireServer{
		Schema: ServerSchema, At: stamp(s.At), Version: text(s.Version), PID: s.PID, Since: stamp(s.Since), Reloaded: stamp(s.Reloaded),
		Hostname: text(s.Hostname), Domains: each(s.Domains, text), Listeners: each(s.Listeners, text),
		Counts: wireServerCounts{s.Sessions, s.Accepted, s.Refused, s.Delivered, s.Deferred, s.Failed},
		Queue:  wireServerQueue{s.Messages, s.Delivering, s.DeferredMessages, s.Held, s.Octets, stamp(s.Oldest)},
		Spool:  wireServerSpool{text(s.Spool), s.Free, s.MinFree},
		Certs: each(s.Certs, func(c ServerCert) wireServerCert {
			return wireServerCert{each(c.Names, text), stamp(c.NotAfter), text(c.From), each(c.TLSA, text), text(c.Error)}
		}),
		Problems: each(s.Problems, text),
	})
}

// A ServerReload is what came of reading the settings again.
type ServerReload struct {
	Changed []string // "domains"
	Later   []string // what only a restart changes
}

// ServerReloaded writes for a person what came of reading the settings again.
func ServerReloaded(w io.Writer, r ServerReload, o TextOptions) error {
	p := newPage(o)
	text := "nothing has changed"
	if len(r.Changed) > 0 {
		text = "what has changed: " + strings.Join(each(r.Changed, flat), ", ")
	}
	p.para(p.mark(passed)+" ", "The settings were read again; "+text+".", plain)
	if len(r.Later) > 0 {
		p.para(p.mark(warning)+" ", "Only a restart changes: "+strings.Join(each(r.Later, flat), ", ")+".", plain)
	}
	_, err := io.WriteString(w, p.String())
	return err
}

// ServerReloadedJSON writes it for a program.
func ServerReloadedJSON(w io.Writer, r ServerReload) error {
	return writeJSON(w, struct {
		Schema  string   `json:"schema"`
		Changed []string `json:"changed"`
		Later   []string `json:"later"`
	}{"maildoctor.server-reload/v1", each(r.Changed, text), each(r.Later, text)})
}
