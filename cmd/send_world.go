package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/desired"
	"github.com/maildoctor/maildoctor/local"
	"github.com/maildoctor/maildoctor/message"
	"github.com/maildoctor/maildoctor/mta/client"
	"github.com/maildoctor/maildoctor/mta/deliver"
	"github.com/maildoctor/maildoctor/mta/testmail"
	"github.com/maildoctor/maildoctor/probe"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/report"
	"github.com/maildoctor/maildoctor/resolve"
)

// passwordVariable holds the password of the relay, where no file does.
const passwordVariable = "MAILDOCTOR_RELAY_PASSWORD"

// A sendWorld is all that a message is sent with.
type sendWorld struct {
	app    *app
	f      sendFlags
	state  desired.State // zero where there is no file
	mail   testmail.Mail
	sender *testmail.Sender
	talk   *sendTalk
	relay  string // for a reader; empty: direct
	notes  []report.SendWarning
	client *resolve.Client
}

func (w *sendWorld) close() { w.client.Close() }

// sendWorld reads the flags, the files and the message.
func (a *app) sendWorld(ctx context.Context, f sendFlags) (_ *sendWorld, err error) {
	w := &sendWorld{app: a, f: f, talk: a.sendTalk()}
	if err := f.together(); err != nil {
		return nil, usage(err)
	}
	if w.mail, err = f.compose(a); err != nil {
		return nil, usage(err)
	}
	if err := w.file(); err != nil {
		return nil, err
	}
	if err := w.keys(); err != nil {
		return nil, usage(err)
	}
	if f.requireTLS {
		w.mail.Least = deliver.Verified
	}
	if w.sender, err = w.senderOf(ctx); err != nil {
		return nil, usage(err)
	}
	return w, nil
}

// longestWait bounds --wait.
const longestWait = 24 * time.Hour

// together refuses flags that do not go with one another.
func (f sendFlags) together() error {
	stdin := 0
	for _, path := range []string{f.textFile, f.htmlFile, f.messageFile, f.file} {
		if path == "-" {
			stdin++
		}
	}
	switch {
	case stdin > 1:
		return errors.New("standard input can be read once; name a file for the others")
	case stdin > 0 && !f.yes && !f.dry:
		return errors.New("standard input is read, so nobody can be asked; give --yes or --dry-run")
	case time.Duration(f.wait) > longestWait:
		return fmt.Errorf("--wait %s is longer than anybody waits; %s is the most, and a mail server is for what takes longer", time.Duration(f.wait), longestWait)
	case f.relay == "" && (f.user != "" || f.passwordFile != ""):
		return errors.New("--user and --password-file are for a relay; name it with --relay")
	case f.relay != "" && f.port != 0:
		return errors.New("--port is that of MX hosts; give the relay's with --relay HOST:PORT")
	case f.user == "" && f.passwordFile != "":
		return errors.New("--password-file needs the user, --user")
	}
	return nil
}

// file reads maildoctor.yaml, where there is one or one is named.
func (w *sendWorld) file() error {
	if _, err := os.Stat(w.f.file); !w.f.named && errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var err error
	w.state, err = w.app.wanted(w.f.file)
	return err
}

// keys reads the private keys: those that the file has for the author domain or,
// where it has none, a domain above it; and those of --key.
func (w *sendWorld) keys() error {
	msg, _ := message.Parse(w.mail.Text)
	domain, _ := msg.Author().Domain()
	if domain == "" {
		domain = record.Canonical(w.mail.From[strings.LastIndexByte(w.mail.From, '@')+1:])
	}
	owner := trialWorld{domain: domain}
	if err := owner.withKeys(w.f.keys); err != nil {
		return err
	}
	for name := domain; len(owner.keys) == 0 && name != "." && name != ""; name = record.Parent(name) {
		owner.domain = name
		if err := owner.fileKeys(w.state, w.f.file); err != nil {
			return err
		}
	}
	w.mail.Keys = owner.keys
	for _, note := range owner.notes {
		w.notes = append(w.notes, report.SendWarning{ID: "key-file", Text: note})
	}
	return nil
}

// senderOf is what sends: the DNS, the way out, the relay.
func (w *sendWorld) senderOf(ctx context.Context) (*testmail.Sender, error) {
	options, err := w.f.live("")
	if err != nil {
		return nil, err
	}
	servers, err := resolvers(w.f.resolvers)
	if err != nil {
		return nil, err
	}
	d := &deliver.Sender{Memory: new(deliver.Store), HTTP: &probe.Fetcher{}, Port: w.f.port, Bounds: deliver.Bounds{Time: 15 * time.Minute}}
	d.Client = client.Client{Name: w.helo(options), Limits: w.f.limits(), Observe: w.talk.step}
	d.Refuse = deliver.Special
	if w.f.port != 0 { // a laboratory
		d.HTTP, d.Refuse = nil, func(netip.Addr) string { return "" }
	}
	s := &testmail.Sender{Deliver: d, Wait: time.Duration(w.f.wait), Waiting: w.talk.waiting, Route: local.This().Route}
	if err := w.wayOut(d, s); err != nil {
		return nil, err
	}
	if w.f.relay != "" {
		if err := w.byRelay(d); err != nil {
			return nil, err
		}
	}
	d.Routes.ToSelf = true // the server of this host takes the mail of its own domains like any other
	w.client = resolve.NewClient(servers)
	d.DNS = resolve.NewMemo(ctx, resolve.NewLimit(w.client, resolve.DefaultInFlight))
	s.DNS = d.DNS
	if w.f.port == 0 && w.f.relay == "" {
		d.Security = w.proofs(ctx)
	}
	s.Port25 = func(ctx context.Context, like netip.Addr) probe.Reach {
		if w.f.port != 0 {
			return probe.ReachUnknown
		}
		env := &checks.Env{DNS: d.DNS, SMTP: &probe.Prober{HELO: d.Client.Name, Dial: d.Client.Dial}, Now: time.Now}
		return facts.AskOutlet(ctx, env, facts.FamilyOf(like)).Reach
	}
	return s, nil
}

// proofs is what validates for DANE. Where the resolver keeps the signatures of the
// very root to itself there is none: no mail would leave here, and every host that
// has TLSA records would seem to be attacked.
func (w *sendWorld) proofs(ctx context.Context) deliver.Security {
	const enough = 10 * time.Second
	limited, cancel := context.WithTimeout(ctx, enough)
	defer cancel()
	v := resolve.NewValidator(ctx, w.client, resolve.SecureOptions{Fallback: w.client})
	if _, err := v.Secure(limited, resolve.Ask(".", "NS")); err != nil {
		w.notes = append(w.notes, report.SendWarning{
			ID: "dane", Text: "DANE is left out, as DNSSEC cannot be validated here: " + err.Error(), Do: "Name a resolver that passes on signatures with --resolver.",
		})
		return nil
	}
	return v
}

// limits is how long a host may take.
func (f sendFlags) limits() client.Limits {
	each := time.Duration(f.timeout)
	l := client.Limits{Connect: min(each, 30*time.Second), Banner: each, TLS: min(each, time.Minute), Command: each, Data: each, Block: each}
	if f.timed {
		l.Final = each
	}
	return l
}

// helo is the name that is given in EHLO: that of --helo, of the server of
// maildoctor.yaml, or of this machine.
func (w *sendWorld) helo(o liveOptions) string {
	switch {
	case o.want.HELO != "":
		return record.Display(o.want.HELO)
	case w.state.Server().Hostname != "":
		return record.Display(w.state.Server().Hostname)
	}
	return o.hostname
}

// wayOut binds to the address of --from-ip, and takes down those of --ip.
func (w *sendWorld) wayOut(d *deliver.Sender, s *testmail.Sender) error {
	for _, text := range trimmed(w.f.ips) {
		addr, err := netip.ParseAddr(text)
		if err != nil {
			return fmt.Errorf("--ip %q is no IP address", text)
		}
		s.Public = append(s.Public, addr.Unmap())
	}
	if w.f.fromIP == "" {
		return nil
	}
	addr, err := netip.ParseAddr(w.f.fromIP)
	if err != nil {
		return fmt.Errorf("--from-ip %q is no IP address", w.f.fromIP)
	}
	addr = addr.Unmap()
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: addr.AsSlice(), Zone: addr.Zone()}}
	d.Client.Dial = dialer.DialContext
	d.IPv4 = addr.Is4()
	if addr.Is6() {
		otherwise := d.Refuse
		d.Refuse = func(to netip.Addr) string {
			if to.Is4() {
				return "IPv4, and --from-ip is IPv6"
			}
			return otherwise(to)
		}
	}
	if len(s.Public) == 0 && deliver.Special(addr) == "" {
		s.Public = []netip.Addr{addr}
	}
	if len(s.Public) == 0 {
		s.Route = nil // it does not leave by the usual way
	}
	return nil
}

// relayName is the one relay that there is.
const relayName = "relay"

// byRelay sends all by the relay of --relay.
func (w *sendWorld) byRelay(d *deliver.Sender) error {
	r, err := w.relayOf()
	if err != nil {
		return err
	}
	if w.f.user != "" {
		r.User, r.Password = w.f.user, ""
	}
	if r.User != "" && r.Password == "" {
		if r.Password, err = w.password(w.f.passwordFile); err != nil {
			return err
		}
	}
	port := r.Port
	if port == 0 {
		port = 587
	}
	w.relay = net.JoinHostPort(r.Host, strconv.Itoa(int(port)))
	if r.User != "" {
		w.relay += " as " + r.User
	}
	d.Routes = deliver.Routes{Relays: map[string]deliver.Relay{relayName: r}, Rules: []deliver.Rule{{Relay: relayName}}}
	return nil
}

// relayOf is the relay of --relay: one of the file by its name, else a host.
func (w *sendWorld) relayOf() (deliver.Relay, error) {
	server := w.state.Server()
	if i := slices.IndexFunc(server.Relays, func(r desired.Relay) bool { return r.Name == w.f.relay }); i >= 0 {
		known := server.Relays[i]
		r := deliver.Relay{Host: known.Host, Port: uint16(known.Port), ImplicitTLS: known.TLS == "implicit" || known.TLS == "" && known.Port == 465, Clear: known.TLS == "none", User: known.User}
		if w.f.passwordFile != "" || known.PasswordFile == "" {
			return r, nil
		}
		path := known.PasswordFile
		if !filepath.IsAbs(path) {
			path = filepath.Join(filepath.Dir(w.f.file), path)
		}
		var err error
		r.Password, err = w.password(path)
		return r, err
	}
	host, port := w.f.relay, ""
	if h, p, err := net.SplitHostPort(w.f.relay); err == nil {
		host, port = h, p
	}
	r := deliver.Relay{Host: strings.Trim(host, "[]")}
	if port != "" {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return r, fmt.Errorf("--relay %q: %q is no port", w.f.relay, port)
		}
		r.Port, r.ImplicitTLS = uint16(n), n == 465 // RFC 8314, 7.3
	}
	if strings.EqualFold(r.Host, "localhost") {
		r.Host = "127.0.0.1"
	}
	if addr, err := netip.ParseAddr(r.Host); err == nil {
		r.Clear = addr.IsLoopback() || addr.IsPrivate() // without a login only: see deliver.Relay
		return r, nil
	}
	name, err := record.ParseDomain(r.Host)
	if err != nil || !strings.Contains(r.Host, ".") {
		return r, fmt.Errorf("--relay %q is neither a relay of %s nor the name of a host; give one as in smtp.example.net:587", w.f.relay, wantedFile)
	}
	r.Host = record.Display(name)
	return r, nil
}

// password reads the password of the relay. No error quotes it.
func (w *sendWorld) password(path string) (string, error) {
	if path == "" {
		if p := w.app.env(passwordVariable); p != "" {
			return p, nil
		}
		return "", fmt.Errorf("no password for the relay; give --password-file FILE or %s in the environment", passwordVariable)
	}
	const most = 4 << 10
	text, err := readBounded(path, most)
	if err != nil {
		return "", fmt.Errorf("--password-file %s: %w", path, err)
	}
	line, _, _ := strings.Cut(strings.TrimRight(string(text), "\r\n"), "\n")
	line = strings.TrimSuffix(line, "\r")
	if line == "" || len(text) > most {
		return "", fmt.Errorf("--password-file %s: its first line is to hold the password", path)
	}
	return line, nil
}
