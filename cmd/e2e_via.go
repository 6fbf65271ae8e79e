package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/maildoctor/maildoctor/mta/compose"
	"github.com/maildoctor/maildoctor/mta/deliver"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// viaFlags are those of e2e that have real mail leave the machine.
type viaFlags struct {
	via, to string
	yes     bool
}

func (f *viaFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.via, "via", "", "send one real message to this `HOST[:PORT]`\ninstead; it leaves the machine")
	flags.StringVar(&f.to, "to", "", "with --via: to this `address`; postmaster of the\ndomain unless given")
	flags.BoolVarP(&f.yes, "yes", "y", false, "with --via: do not ask before it is sent")
	for _, name := range []string{"via", "to"} {
		_ = cmd.RegisterFlagCompletionFunc(name, cobra.NoFileCompletions)
	}
}

// e2eVia sends one message of the domain to a real host, and shows what that answers.
func (a *app) e2eVia(ctx context.Context, f e2eFlags, args []string) error {
	if f.zone != "" || f.live || f.policy != "" || len(f.chaos) > 0 {
		return usage(errors.New("--via sends by what is published; leave out --zone, --live, --mta-sts and --chaos"))
	}
	if err := f.output.check(); err != nil {
		return err
	}
	to, err := parseVia(f.via.via)
	if err != nil {
		return usage(err)
	}
	domain, err := a.viaDomain(f, args)
	if err != nil {
		return err
	}
	own := "postmaster@" + record.Display(domain)
	s := sendFlags{
		examFlags: f.examFlags, from: own, to: []string{own}, subject: "maildoctor e2e", keys: f.keys, file: f.file, named: f.named, ips: f.ips, yes: f.via.yes, timed: true,
	}
	if f.via.to != "" {
		s.to = []string{f.via.to}
	}
	w, err := a.sendWorld(ctx, s)
	if err != nil {
		return err
	}
	defer w.close()
	if f.mailFrom != "" {
		from, err := compose.ParseAddress(f.mailFrom)
		if err != nil {
			return usage(fmt.Errorf("--mail-from %q %w", f.mailFrom, err))
		}
		w.mail.From = from.Path()
	}
	rcpt := w.mail.Rcpts[0]
	if err := to.take(ctx, w.sender.Deliver, rcpt[strings.LastIndexByte(rcpt, '@')+1:]); err != nil {
		return err
	}
	return a.sendBy(ctx, s, w)
}

// viaDomain is the domain whose mail is sent: the one named, else that of the file.
func (a *app) viaDomain(f e2eFlags, args []string) (string, error) {
	if _, err := os.Stat(f.file); len(args) > 0 || !f.named && errors.Is(err, fs.ErrNotExist) {
		w := trialWorld{}
		if err := w.named(args); err != nil {
			return "", err
		}
		return w.domain, nil
	}
	state, err := a.wanted(f.file)
	if err != nil {
		return "", err
	}
	return exported(state, args)
}

// A via is a host that gets mail in place of those of the MX records.
type via struct {
	host string // canonical; of an address the text, with a dot behind
	addr netip.Addr
	port uint16
}

// parseVia reads HOST, HOST:PORT, an address, or [ADDRESS]:PORT.
func parseVia(text string) (via, error) {
	host, port := text, ""
	if h, p, err := net.SplitHostPort(text); err == nil {
		host, port = h, p
	}
	v := via{port: 25}
	if port != "" {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return v, fmt.Errorf("--via %q: %q is no port", text, port)
		}
		v.port = uint16(n)
	}
	if addr, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil && addr.Zone() == "" {
		v.addr, v.host = addr.Unmap(), record.Canonical(addr.Unmap().String())
		return v, nil
	}
	name, err := record.ParseDomain(host)
	if err != nil {
		return v, fmt.Errorf("--via %q is no host, such as mx.example.net or 192.0.2.25:2525", text)
	}
	v.host = name
	return v, nil
}

// take has a sender take the host for the one mail host of a domain. The domain's
// MTA-STS policy counts where it is one of its hosts in truth; and nothing is secure
// that was not asked of the DNS.
func (v via) take(ctx context.Context, d *deliver.Sender, domain string) error {
	canonical, err := record.ParseDomain(domain)
	if err != nil {
		return usage(fmt.Errorf("--to: %q is no domain that --via can stand for", domain))
	}
	const enough = 30 * time.Second
	limited, cancel := context.WithTimeout(ctx, enough)
	defer cancel()
	answer, err := d.DNS.Resolve(limited, resolve.Ask(canonical, "MX"))
	isMX := err == nil && slices.ContainsFunc(answer.Records, func(r record.Record) bool {
		_, name, ok := r.MX()
		return ok && record.Canonical(name) == v.host
	})
	said := []record.Record{record.MX(canonical, 0, v.host)}
	if v.addr.IsValid() {
		said = append(said, record.Address(v.host, v.addr))
	}
	known, asked := resolve.NewZone(said), d.DNS
	d.DNS = resolve.Func(func(ctx context.Context, q resolve.Question) (resolve.Answer, error) {
		if q.Name == canonical && q.Type == "MX" || v.addr.IsValid() && q.Name == v.host {
			return known.Resolve(ctx, q)
		}
		return asked.Resolve(ctx, q)
	})
	d.Security = given{d.Security, canonical, v.host}
	if !isMX {
		d.HTTP = nil
	}
	if d.Port = v.port; v.port != 25 || v.addr.IsValid() {
		d.Security = nil // TLSA records are those of a name, and of port 25
	}
	d.Refuse = func(netip.Addr) string { return "" }
	d.Routes.ToSelf = true // as when the server of this host is tried from this host
	return nil
}

// given is DNSSEC where the MX record of a domain is what somebody said.
type given struct {
	deliver.Security
	domain, host string
}

// Secure implements [deliver.Security].
func (g given) Secure(ctx context.Context, q resolve.Question) (resolve.Proof, error) {
	if record.Canonical(q.Name) == g.domain && q.Type == "MX" {
		return resolve.Proof{Security: resolve.Insecure, Zone: g.domain, Why: "the host " + record.Display(g.host) + " was named by hand"}, nil
	}
	return g.Security.Secure(ctx, q)
}
