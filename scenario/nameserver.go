package scenario

import (
	"fmt"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/zonefile"
)

// A NameServer is in what one name server differs from the others.
type NameServer struct {
	Records []record.Record // take the place of those of their slots in the world
	without []record.Slot

	Lame      bool // says nothing of its zones: NOERROR without AA
	Refused   bool // answers REFUSED
	ServFail  bool // answers SERVFAIL
	Silent    bool // does not answer
	NoTCP     bool // refuses connections
	Transfer  bool // gives its zones to anybody
	Recursive bool // resolves every name for anybody
}

// nameServer reads a server section: directives, a line each, and records.
func (s *Scenario) nameServer(body string) (*NameServer, error) {
	n := new(NameServer)
	flags := map[string]*bool{
		"!lame": &n.Lame, "!refused": &n.Refused, "!servfail": &n.ServFail, "!silent": &n.Silent,
		"!notcp": &n.NoTCP, "!transfer": &n.Transfer, "!recursive": &n.Recursive,
	}
	var zone strings.Builder
	for line := range strings.Lines(body) {
		fields := strings.Fields(line)
		switch {
		case len(fields) == 0 || !strings.HasPrefix(fields[0], "!"):
			zone.WriteString(line)
		case fields[0] == "!without" && len(fields) == 3:
			n.without = append(n.without, record.Slot{Type: fields[1], Name: s.absolute(fields[2])})
		case flags[fields[0]] != nil && len(fields) == 1:
			*flags[fields[0]] = true
		default:
			return nil, fmt.Errorf("no directive %q", strings.TrimSpace(line))
		}
	}
	if s.Domain == "" {
		if strings.TrimSpace(zone.String()) != "" {
			return nil, fmt.Errorf("records without an origin: set the domain before the first section")
		}
		return n, nil
	}
	var err error
	n.Records, err = zonefile.Read(strings.NewReader(zone.String()), s.Domain)
	return n, err
}

// over is the world's records as the server has them.
func (n *NameServer) over(world []record.Record) []record.Record {
	if n == nil {
		return world
	}
	own := make(map[record.Slot]bool)
	for _, r := range n.Records {
		own[slotOf(r)] = true
	}
	records := slices.Clone(n.Records)
	for _, r := range world {
		if !own[slotOf(r)] && !leavesOut(n.without, r) {
			records = append(records, r)
		}
	}
	return records
}
