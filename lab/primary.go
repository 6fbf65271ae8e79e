package lab

import (
	"fmt"
	"slices"

	"github.com/maildoctor/maildoctor/providers/rfc2136/primary"
	"github.com/maildoctor/maildoctor/record"
)

// Primary serves a zone of the world by a primary name server that takes dynamic
// updates (RFC 2136) signed with a key, and transfers the zone to who has it. The
// world's name servers answer with what it holds: they are its secondaries,
// without a delay. It returns host:port.
func (l *Lab) Primary(zone string, key primary.Key) (address string, err error) {
	zone = record.Canonical(zone)
	var records []record.Record
	for _, r := range l.World.Records {
		if record.Within(r.Name, zone) {
			records = append(records, r)
		}
	}
	server, err := primary.New(primary.Options{Zone: zone, Records: records, Keys: []primary.Key{key}})
	if err != nil {
		return "", fmt.Errorf("the primary of %s: %w", record.Display(zone), err)
	}
	if address, err = server.Listen(); err != nil {
		return "", err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.primaries = append(l.primaries, server)
	return address, nil
}

// now is the world as the primaries have it.
func (l *Lab) now() view {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, p := range l.primaries {
		records := p.Records()
		if serial := records[0].Data; i >= len(l.serials) || l.serials[i] != serial { // the SOA record is in front
			l.serials = append(slices.Clip(l.serials[:min(i, len(l.serials))]), serial)
			world := l.view.world.Republished(p.Zone(), records)
			l.view = view{world, world.DNS(), world.NameServers()}
		}
	}
	return l.view
}
