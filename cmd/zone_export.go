package cmd

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/maildoctor/maildoctor/desired"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/report"
	"github.com/maildoctor/maildoctor/zonefile"
)

// exportFlags are the flags of zone export as they are given.
type exportFlags struct {
	file       string
	full       bool
	servers    []string
	cloudflare bool
	relative   bool
	from       providerFlags
	now        func() time.Time
}

func (a *app) zoneExportCommand() *cobra.Command {
	f := exportFlags{now: time.Now}
	var o *output
	var form *choice
	cmd := &cobra.Command{
		Use:   "export [DOMAIN]",
		Short: "Write what maildoctor.yaml asks for, or a live zone, as a zone file",
		Long: `Export writes the records of a maildoctor.yaml, with the reason of each, to be
put into a zone or imported by a panel. With several domains in the file, name
the one to export. It changes nothing, and asks nobody but with --from.

What is written is a fragment: the zone's own SOA and NS records and all else
in it stay as they are. With --full it is a whole zone of nothing but mail, with
a SOA record and the name servers of --ns.

What a service has to tell you first, and the file does not say, is left out,
with a note. Without --ns the first mail host stands in for the name servers.

With --from it writes what a provider holds instead: the whole zone of DOMAIN,
what maildoctor made marked by comments. A name server must allow the transfer
of the zone (AXFR). What DNSSEC signers make is left out.`,
		Example: `  maildoctor zone export
  maildoctor zone export example.com --form cloudflare --output example.com.zone
  maildoctor zone export example.com --full --ns ns1.example.net --ns ns2.example.net
  maildoctor zone export example.com --from cloudflare --output example.com.zone
  maildoctor zone export example.com --from rfc2136:ns1.example.net --full`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usage(errors.New("zone export takes one domain"))
			}
			if err := o.check(); err != nil {
				return err
			}
			f.cloudflare = form.value == "cloudflare"
			if f.cloudflare && f.full {
				return usage(errors.New("the form for Cloudflare has no SOA record, so it is no whole zone; leave out --full"))
			}
			if f.from.spec != "" {
				if cmd.Flags().Changed("file") {
					return usage(errors.New("--from writes what is live, --file what is wanted; give one of them"))
				}
				return a.zoneExportFrom(cmd.Context(), o, f, args)
			}
			if f.from.tsigKey != "" {
				return usage(errors.New("--tsig-key is for --from; give that too"))
			}
			return a.zoneExport(o, f, args)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	fileFlag(cmd, &f.file)
	form = choose(cmd, "form", "for whom: plain (BIND, NSD, Knot, PowerDNS),\nor cloudflare (its import)", "plain", "plain", "cloudflare")
	flags.BoolVar(&f.relative, "relative", false, "names relative to $ORIGIN in place of absolute ones")
	flags.BoolVar(&f.full, "full", false, "a whole zone, with a SOA record and --ns")
	flags.StringSliceVar(&f.servers, "ns", nil, "a name `server` of the whole zone (repeatable)")
	_ = cmd.RegisterFlagCompletionFunc("ns", cobra.NoFileCompletions)
	providerFlag(cmd, &f.from, "from", "write the zone as it is, in place of what is\nwanted: as `one` of these holds it:\n"+providerForms())
	o = &output{app: a}
	flags.StringVarP(&o.path, "output", "o", "", "write the records to this `file`, whole or not at all")
	o.named = func() bool { return cmd.Flags().Changed("output") }
	return cmd
}

func (a *app) zoneExport(o *output, f exportFlags, args []string) error {
	state, err := a.wanted(f.file)
	if err != nil {
		return err
	}
	now := f.now().UTC()
	wanted, problems := state.Edits(desired.Given{Now: now, Incomplete: true})
	if err := a.problems(f.file, problems); err != nil {
		return err
	}
	domain, err := exported(state, args)
	if err != nil {
		return err
	}
	entries := entriesOf(wanted, domain)
	head := header(f, domain)
	notes := missing(wanted, domain)
	if f.full {
		if len(f.servers) == 0 && len(state.Hosts) > 0 {
			f.servers = []string{record.Display(state.Hosts[0].Name)}
			notes = append(notes, "the name server "+f.servers[0]+" stands in for yours; name them with --ns")
		}
		apex, err := f.apex(domain, now)
		if err != nil {
			return err
		}
		entries = append(apex, entries...)
	}
	for _, note := range notes {
		head = append(head, folded("Mind: "+note)...)
		fmt.Fprintf(a.err, "maildoctor: %s\n", report.Escape(note))
	}
	options := zonefile.WriteOptions{Origin: domain, Relative: f.relative, Full: f.full, Header: head}
	if f.cloudflare {
		options.Form = zonefile.Cloudflare
	}
	return o.print(func(w io.Writer) error { return zonefile.Write(w, entries, options) })
}

// missing is what is left out of the records of a domain until the owner gives it.
func missing(wanted desired.Wanted, domain string) []string {
	var notes []string
	for _, t := range wanted.Tasks {
		if t.Missing && t.Subject == record.Display(domain) {
			notes = append(notes, t.Text)
		}
	}
	return notes
}

// exported is the domain to export: the one named, or the only one.
func exported(s desired.State, args []string) (string, error) {
	var names []string
	for _, d := range s.Domains {
		names = append(names, record.Display(d.Name))
	}
	if len(names) == 0 {
		return "", usage(errors.New("the file has no domains whose records it says: it is for maildoctor check alone; write them under domains"))
	}
	if len(args) == 0 && len(names) == 1 {
		return s.Domains[0].Name, nil
	}
	if len(args) == 0 {
		return "", usage(fmt.Errorf("the file has several domains; name one of %s", strings.Join(names, ", ")))
	}
	name, err := record.ParseDomain(args[0])
	if err != nil {
		return "", usage(fmt.Errorf("%q %w", args[0], err))
	}
	for _, d := range s.Domains {
		if d.Name == name {
			return name, nil
		}
	}
	return "", usage(fmt.Errorf("the file has no domain %s; it has %s", record.Display(name), strings.Join(names, ", ")))
}

// entriesOf is the records of a domain, with their reasons as comments.
func entriesOf(wanted desired.Wanted, domain string) []zonefile.Entry {
	var entries []zonefile.Entry
	for _, c := range wanted.Changes {
		if c.Domain != domain {
			continue
		}
		for i, r := range c.Edit.Want {
			e := zonefile.Entry{Record: r}
			if i == 0 {
				e.Comment = folded(fmt.Sprintf("%s (%s): %s", c.Level, strings.Join(c.From, ", "), c.Reason))
			}
			entries = append(entries, e)
		}
	}
	return entries
}

// folded is a text in lines that fit a terminal of 80 columns, indented a little.
func folded(text string) []string {
	const width = 76
	var lines []string
	for word := range strings.FieldsSeq(text) {
		if n := len(lines); n > 0 && len(lines[n-1])+1+len(word) <= width {
			lines[n-1] += " " + word
		} else {
			lines = append(lines, word)
		}
	}
	return lines
}

// apex is the SOA and NS records of a whole zone.
func (f exportFlags) apex(domain string, now time.Time) ([]zonefile.Entry, error) {
	const ttl = 3600
	if len(f.servers) == 0 {
		return nil, usage(errors.New("a whole zone names its servers; give each with --ns"))
	}
	var entries []zonefile.Entry
	for _, text := range f.servers {
		name, err := record.ParseDomain(text)
		if err != nil {
			return nil, usage(fmt.Errorf("--ns %q %w", text, err))
		}
		entries = append(entries, zonefile.Entry{Record: record.Record{Name: domain, Type: "NS", TTL: ttl, Data: name}})
	}
	// The timers are those of RIPE-203 for stable zones, with answers that a name
	// does not exist kept for an hour (RFC 2308, 5).
	soa := fmt.Sprintf("%s hostmaster.%s %s01 86400 7200 3600000 3600", entries[0].Data, domain, now.Format("20060102"))
	return append([]zonefile.Entry{{Record: record.Record{Name: domain, Type: "SOA", TTL: ttl, Data: soa}}}, entries...), nil
}

// header says what the file is.
func header(f exportFlags, domain string) []string {
	what := "A fragment: the records that maildoctor.yaml asks for. The SOA and NS records, and all else in the zone, stay."
	if f.full {
		what = "A whole zone of nothing but mail, as maildoctor.yaml asks for it."
	}
	return append([]string{record.Display(domain)}, folded(what)...)
}
