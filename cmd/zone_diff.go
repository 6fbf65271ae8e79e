package cmd

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/report"
	"github.com/maildoctor/maildoctor/zonefile"
	"github.com/maildoctor/maildoctor/zonelint"
)

func (a *app) zoneDiffCommand() *cobra.Command {
	var f zoneFlags
	var options zonefile.DiffOptions
	var o *output
	cmd := &cobra.Command{
		Use:   "diff A B",
		Short: "Show in which records two zone files differ",
		Long: `Diff shows what would have to change in the records of A so that they are those
of B. Order, comments, relative names and the way in which a text is split into
strings do not count. TXT records that begin with a version are told apart by
that: a changed SPF record is one change, whatever stands beside it.

It exits with 0 where the records are the same, with 1 where they differ, and
with 2 where the files cannot be compared.`,
		Example: `  maildoctor zone diff example.org.zone new.zone
  dig @192.0.2.53 example.org AXFR | maildoctor zone diff example.org.zone - --ignore-serial`,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usage(errors.New("zone diff takes two files; - is standard input"))
			}
			if err := o.check(); err != nil {
				return err
			}
			files, err := f.files(args, a.in)
			if err != nil {
				return err
			}
			return a.zoneDiff(o, files, options)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	f.add(cmd)
	flags.BoolVar(&options.Serial, "ignore-serial", false, "the serial of the SOA record does not count")
	flags.BoolVar(&options.TTL, "ignore-ttl", false, "TTLs do not count")
	o = a.outputFlags(cmd)
	flags.StringVarP(&o.path, "output", "o", "", "write the difference to this `file`, whole or not at all")
	o.named = func() bool { return cmd.Flags().Changed("output") }
	return cmd
}

func (a *app) zoneDiff(o *output, files []zonelint.File, options zonefile.DiffOptions) error {
	for _, f := range files {
		if len(f.Problems) > 0 {
			return usage(fmt.Errorf("%s: %w; maildoctor zone lint shows all that is wrong", f.Name, f.Problems[0]))
		}
	}
	changes := zonefile.Diff(files[0].Records(), files[1].Records(), options)
	err := o.print(func(w io.Writer) error {
		if o.format.value == "json" {
			return diffJSON(w, files, changes)
		}
		return diffText(w, changes)
	})
	if err == nil && len(changes) > 0 {
		return &codeError{code: exitFound}
	}
	return err
}

// diffText writes changes as lines of zone files, - for what goes and + for what
// comes.
func diffText(w io.Writer, changes []zonefile.Change) error {
	var b strings.Builder
	removed, added, ttls := 0, 0, 0
	for _, c := range changes {
		fmt.Fprintf(&b, "%s\n", report.Escape(title(c)))
		for _, r := range c.Removed {
			fmt.Fprintf(&b, "- %s\n", report.Escape(r.String()))
		}
		for _, r := range c.Added {
			fmt.Fprintf(&b, "+ %s\n", report.Escape(r.String()))
		}
		if len(c.Removed)+len(c.Added) == 0 {
			ttls++
		}
		removed, added = removed+len(c.Removed), added+len(c.Added)
		b.WriteString("\n")
	}
	if len(changes) == 0 {
		b.WriteString("The records are the same.\n")
	} else {
		fmt.Fprintf(&b, "%s removed, %s added, %s changed\n", counted(removed, "record"), counted(added, "record"), counted(ttls, "TTL"))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// counted is "1 record", "2 records".
func counted(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}

// title is what a change is about: "TXT example.org (v=spf1)".
func title(c zonefile.Change) string {
	s := c.Slot.Type + " " + record.Display(c.Slot.Name)
	if c.Slot.Tag != "" {
		s += " (" + c.Slot.Tag + ")"
	}
	if c.Before != c.After {
		s += fmt.Sprintf(": TTL %d -> %d", c.Before, c.After)
	}
	return s
}

// The shape of a difference in JSON. Data are as in a zone file, with TXT quoted.
type (
	diffDocument struct {
		Schema  string       `json:"schema"`
		A       string       `json:"a"`
		B       string       `json:"b"`
		Same    bool         `json:"same"`
		Changes []diffChange `json:"changes"`
	}
	diffChange struct {
		Name      string       `json:"name"`
		Type      string       `json:"type"`
		Tag       string       `json:"tag"`
		Removed   []diffRecord `json:"removed"`
		Added     []diffRecord `json:"added"`
		TTLBefore uint32       `json:"ttl_before,omitempty"`
		TTLAfter  uint32       `json:"ttl_after,omitempty"`
	}
	diffRecord struct {
		TTL  uint32 `json:"ttl"`
		Data string `json:"data"`
	}
)

func diffJSON(w io.Writer, files []zonelint.File, changes []zonefile.Change) error {
	doc := diffDocument{Schema: "maildoctor.zone-diff/v1", A: files[0].Name, B: files[1].Name, Same: len(changes) == 0, Changes: []diffChange{}}
	list := func(records []record.Record) []diffRecord {
		out := []diffRecord{}
		for _, r := range records {
			out = append(out, diffRecord{r.TTL, r.Presentation()})
		}
		return out
	}
	for _, c := range changes {
		doc.Changes = append(doc.Changes, diffChange{
			Name: c.Slot.Name, Type: c.Slot.Type, Tag: c.Slot.Tag,
			Removed: list(c.Removed), Added: list(c.Added), TTLBefore: c.Before, TTLAfter: c.After,
		})
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(doc)
}
