package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"time"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
	"github.com/maildoctor/maildoctor/zonefile"
)

// MainAt runs the command line args at the time that stands before them, in a world
// whose name servers 192.0.2.1 and 192.0.2.2 have the zone files ns1.zone and ns2.zone
// of this directory. One without a file does not answer.
func MainAt(args []string, in io.Reader, out, errs io.Writer) int {
	at, err := time.Parse(time.RFC3339, args[0])
	if err != nil {
		fmt.Fprintln(errs, err)
		return exitUsage
	}
	a := &app{in: in, out: out, err: errs, env: os.Getenv}
	a.wire()
	a.now = func() time.Time { return at }
	a.live = func(context.Context, liveOptions) (examiner, error) { return fileWorld{}, nil }
	return a.main(args[1:])
}

// A fileWorld is a world of zone files.
type fileWorld struct{ stage }

func (fileWorld) examine(context.Context, subject, []*checks.Check, func(diagnosis.Result)) diagnosis.Report {
	return diagnosis.Report{}
}
func (fileWorld) asked() (resolve.Stats, []resolve.Event) { return resolve.Stats{}, nil }
func (fileWorld) close()                                  {}
func (w fileWorld) servers() resolve.Inquirer             { return w }

// asks is a resolver, which has what the first server has.
func (w fileWorld) asks() resolve.Resolver {
	return resolve.Func(func(ctx context.Context, q resolve.Question) (resolve.Answer, error) {
		zone, err := w.zone(netip.MustParseAddr("192.0.2.1"))
		if err != nil {
			return resolve.Answer{}, &resolve.Error{Question: q, Kind: resolve.Timeout}
		}
		return zone.Resolve(ctx, q)
	})
}

func (fileWorld) zone(server netip.Addr) (*resolve.Zone, error) {
	f, err := os.Open(fmt.Sprintf("ns%d.zone", server.As4()[3]))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	entries, err := zonefile.ReadEntries(f, "example.org.")
	if err != nil {
		return nil, err
	}
	var records []record.Record
	for _, e := range entries {
		records = append(records, e.Record)
	}
	return resolve.NewZone(records), nil
}

func (w fileWorld) Inquire(ctx context.Context, q resolve.Inquiry) (resolve.Statement, error) {
	zone, err := w.zone(q.Server)
	if errors.Is(err, os.ErrNotExist) {
		return resolve.Statement{}, &resolve.Error{Question: q.Question(), Kind: resolve.Timeout}
	}
	if err != nil {
		return resolve.Statement{}, err
	}
	answer, err := zone.Resolve(ctx, resolve.Ask(q.Name, q.Type))
	s := resolve.Statement{Inquiry: q, Code: "NOERROR", Authoritative: true, Answer: answer.Records}
	if !answer.Exists {
		s.Code = "NXDOMAIN"
	}
	return s, err
}
