// Package zone is a zone file as a provider: plans are carried out in its text, and
// lines that no change is about stay octet for octet.
//
// A name server reads the file when it is told to, so that what was written is not
// yet published: Provider.Next says how. A file that a server writes itself is not
// for this package: that of a signer, or one beside which a journal stands
// (rfc2136 changes such zones). Nor does it make files.
package zone

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/providers"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/zonefile"
)

// Options say which file, and how it is read.
type Options struct {
	Path string // of the file, or of a symbolic link to it, which stays one
	// Origin is the zone that the server's configuration gives the file, for one
	// that does not say itself: no $ORIGIN, and a SOA record at "@". Where it is
	// empty the name of the file tells, else it is the domain.
	Origin string
	// Now is the clock of serials in the form of a date; nil for that of the system.
	Now func() time.Time
}

// A Provider is one zone file. It is safe for concurrent use, by several processes
// too: Write takes an advisory lock, which editors do not heed.
type Provider struct {
	path, zone, origin string
	now                func() time.Time
	put                func(path string, text []byte, like fs.FileInfo) error // replace, but in tests
}

// Open opens a zone file for a domain: its zone must be the domain, or one above
// it. The error wraps providers.ErrNoZone where the file holds another zone, and
// providers.ErrDenied where it may not be read.
func Open(ctx context.Context, domain string, o Options) (*Provider, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	path, err := real(o.Path)
	if err != nil {
		return nil, err
	}
	p := &Provider{path: path, now: o.Now, put: replace}
	if p.now == nil {
		p.now = time.Now
	}
	text, _, err := read(path)
	if err != nil {
		return nil, err
	}
	if p.zone, p.origin, err = p.find(text, record.Canonical(domain), o.Origin); err != nil {
		return nil, err
	}
	_, err = p.records(text)
	return p, err
}

// real is the path of the regular file that path leads to.
func real(path string) (string, error) {
	if path == "" {
		return "", fmt.Errorf("no zone file is named; give its path, as in zone:/etc/bind/example.org.zone")
	}
	absolute, err := filepath.Abs(path)
	if err == nil {
		absolute, err = filepath.EvalSymlinks(absolute)
	}
	if err != nil {
		return "", fault(path, err)
	}
	info, err := os.Stat(absolute)
	switch {
	case err != nil:
		return "", fault(path, err)
	case info.IsDir():
		return "", fmt.Errorf("%s is a directory; name the zone file in it", shown(path))
	case !info.Mode().IsRegular():
		return "", fmt.Errorf("%s is no regular file", shown(path))
	}
	return absolute, nil
}

// Zone is the owner of the file's SOA record.
func (p *Provider) Zone() string { return p.zone }

// String is the path of the file.
func (p *Provider) String() string { return shown(p.path) }

// Next is what a person has to do so that the name server answers with what was
// written.
func (p *Provider) Next() string {
	name := record.Display(p.zone)
	return fmt.Sprintf("tell the name server to read the file again: rndc reload %[1]s (BIND), nsd-control reload %[1]s (NSD) or knotc zone-reload %[1]s (Knot DNS)", name)
}

// Traits: a file is written as a whole, yet an editor that does not heed the lock
// can come between comparing and writing.
func (p *Provider) Traits() providers.Traits {
	return providers.Traits{Whole: true, Atomic: true, Limits: plan.Limits{MaxTTL: 1<<31 - 1}} // RFC 2181, 8
}

// Read returns the records of the file that are in the zone, each once; a server
// does not answer with others.
func (p *Provider) Read(ctx context.Context, _ []string) (providers.Reading, error) {
	if err := ctx.Err(); err != nil {
		return providers.Reading{}, err
	}
	text, _, err := read(p.path)
	if err != nil {
		return providers.Reading{}, err
	}
	records, err := p.records(text)
	return providers.Reading{Records: records}, err
}

// records is what the text of the file says, if it can be relied upon.
func (p *Provider) records(text []byte) ([]record.Record, error) {
	if journal := p.path + ".jnl"; exists(journal) {
		name := record.Display(p.zone)
		return nil, fmt.Errorf("%s stands beside the zone file: the server changes this zone itself, and the file need not be up to date. Change it by dynamic update (--provider rfc2136:HOST), or let BIND hold it and write its journal into the file: rndc freeze %[2]s && rndc sync -clean %[2]s, and rndc thaw %[2]s afterwards", shown(journal), name)
	}
	file, problems, err := p.parse(text, p.origin)
	if err != nil {
		return nil, err
	}
	if len(problems) > 0 {
		return nil, p.unreadable(problems[0])
	}
	apex, ok := file.Apex()
	if !ok || apex != p.zone {
		return nil, fmt.Errorf("%s does not hold the zone %s any more", p, record.Display(p.zone))
	}
	seen := make(map[record.Record]bool, len(file.Entries))
	var list []record.Record
	for _, e := range file.Entries {
		if e.Type == "RRSIG" {
			return nil, fmt.Errorf("%s:%d: an RRSIG record: this file is what a signer wrote, and the next signing overwrites it; name the unsigned file that the signer reads", p.file(e.File), e.Line)
		}
		if !seen[e.Record] && record.Within(e.Name, p.zone) {
			seen[e.Record] = true
			list = append(list, e.Record)
		}
	}
	return list, nil
}

// parse reads the text of the file. Files that it includes are read where they
// stand in its directory or below.
func (p *Provider) parse(text []byte, origin string) (zonefile.File, []zonefile.Problem, error) {
	root, err := os.OpenRoot(filepath.Dir(p.path))
	if err != nil {
		return zonefile.File{}, nil, fault(filepath.Dir(p.path), err)
	}
	defer root.Close()
	return zonefile.Parse(strings.NewReader(string(text)), zonefile.ReadOptions{Origin: origin, Includes: root.FS()})
}

func (p *Provider) unreadable(problem zonefile.Problem) error {
	where := p.file(problem.File)
	if problem.Line > 0 {
		where += fmt.Sprintf(":%d", problem.Line)
	}
	next := "; correct it first (zone lint says more)"
	if problem.Kind == zonefile.Included {
		next = "; only files in the directory of the zone file are read: a path is relative to it"
	}
	return fmt.Errorf("%s: %s%s", where, problem.Text, next)
}

// file is the path of the zone file, or of one that it includes, for a reader.
func (p *Provider) file(included string) string {
	if included == "" {
		return p.String()
	}
	return shown(included)
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// shown is a path for a reader: in quotation marks where it holds what does not
// belong on a terminal.
func shown(path string) string {
	if quoted := strconv.Quote(path); quoted != `"`+path+`"` {
		return quoted
	}
	return path
}
