package cmd

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
	"github.com/maildoctor/maildoctor/zonefile"
)

// planned is zone files that are not published yet.
type planned []zonefile.File

// readPlanned reads the zone files at paths, "-" being in. Names that are not
// absolute end in origin, which is empty where it is not known.
func readPlanned(paths []string, in io.Reader, origin string) (planned, error) {
	var files planned
	stdin := false
	for _, path := range paths {
		if path == "-" && stdin {
			return nil, errors.New("--zone - can be given once only")
		}
		stdin = stdin || path == "-"
		file, err := readZone(path, in, origin)
		if err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	return files, nil
}

func readZone(path string, in io.Reader, origin string) (zonefile.File, error) {
	file := zonefile.File{Name: path}
	r := in
	if path == "-" {
		file.Name = "standard input"
	} else {
		f, err := os.Open(path)
		if err != nil {
			return file, fmt.Errorf("--zone: %w", err)
		}
		defer f.Close()
		r = f
	}
	var err error
	if file.Entries, err = zonefile.ReadEntries(r, record.Canonical(origin)); err != nil {
		return file, fmt.Errorf("--zone %s: %w", file.Name, err)
	}
	if len(file.Entries) == 0 {
		return file, fmt.Errorf("--zone %s holds no record", file.Name)
	}
	if apex, ok := file.Apex(); origin == "" && (!ok || apex == ".") {
		return file, fmt.Errorf("--zone %s does not say of which zone it is; give one domain to check, or begin the file with $ORIGIN and a SOA record", file.Name)
	}
	return file, nil
}

// apexes is the domains of which the files are the whole zones.
func (p planned) apexes() []string {
	var names []string
	for _, f := range p {
		if apex, ok := f.Apex(); ok {
			names = append(names, apex)
		}
	}
	return names
}

// hold reports whether one of the files is the whole zone of a domain.
func (p planned) hold(domain string) bool {
	return slices.ContainsFunc(p.apexes(), func(apex string) bool { return record.Within(domain, apex) })
}

// over is base as it would be if the files were published: a file with a SOA
// record is the whole zone, any other takes the place of the record sets that
// it holds.
func (p planned) over(base resolve.Resolver) resolve.Resolver {
	for _, f := range p {
		if apex, ok := f.Apex(); ok {
			base = resolve.NewLayer(base, apex, resolve.NewZone(f.Records()))
			continue
		}
		base = resolve.NewOverlay(base, sets(f.Records()))
	}
	return base
}

// sets is records as edits, one for each name and type.
func sets(records []record.Record) []record.Edit {
	var edits []record.Edit
	at := make(map[record.Slot]int)
	for _, r := range records {
		slot := record.Slot{Name: r.Name, Type: r.Type}
		i, ok := at[slot]
		if !ok {
			i = len(edits)
			at[slot], edits = i, append(edits, record.Set(slot))
		}
		edits[i].Want = append(edits[i].Want, r)
	}
	return edits
}

// named is the domains that are to be examined: those given or, where only
// zones are given, those.
func (a *app) named(args, zones []string) ([]string, planned, error) {
	var names []string
	var err error
	if len(args) > 0 || len(zones) == 0 {
		for _, arg := range args {
			if arg == "-" && strings.Contains("\n"+strings.Join(zones, "\n")+"\n", "\n-\n") {
				return nil, nil, usage(errors.New("standard input cannot be both the domains (-) and a zone (--zone -)"))
			}
		}
		if names, err = domains(args, a.in); err != nil {
			return nil, nil, err
		}
	}
	origin := ""
	if len(names) == 1 {
		origin = names[0]
	}
	files, err := readPlanned(zones, a.in, origin)
	if err != nil {
		return nil, nil, usage(err)
	}
	if len(names) == 0 {
		names = files.apexes()
	}
	return names, files, nil
}
