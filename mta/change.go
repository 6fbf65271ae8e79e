package mta

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"

	"github.com/maildoctor/maildoctor/mta/deliver"
	"github.com/maildoctor/maildoctor/mta/disk"
	"github.com/maildoctor/maildoctor/mta/spool"
)

// Settings are those of Options that may change while a server runs.
type Settings struct {
	Domains   []string     // see smtpd.Config
	Addresses []netip.Addr // likewise
	Keys      []Key
	DMARC     DMARC
	Routes    deliver.Routes
	Warmup    deliver.Warmup
}

// settings is what the server goes by now. It does not change.
type settings struct {
	keys   []Key
	dmarc  DMARC
	sender *deliver.Sender
}

// Change changes all of its settings, for what begins from now on; sessions and
// deliveries that are under way go on. After an error nothing has changed.
func (s *Server) Change(to Settings) error {
	if err := checkKeys(to.Keys); err != nil {
		return err
	}
	if err := s.Own(to.Domains, to.Addresses); err != nil {
		return err
	}
	sender := *s.now.Load().sender
	sender.Routes, sender.Warmup = to.Routes, to.Warmup
	s.now.Store(&settings{keys: slices.Clone(to.Keys), dmarc: to.DMARC, sender: &sender})
	return nil
}

func checkKeys(keys []Key) error {
	for _, k := range keys {
		if err := k.check(); err != nil {
			return fmt.Errorf("mta: %w", err)
		}
	}
	return nil
}

// room says at MAIL whether there is room for a message. That of users goes to the
// spool; that from outside needs no place in the queue.
func (s *Server) room(user string, octets int64) error {
	if user != "" {
		return s.spool.Room(octets)
	}
	if err := s.spool.Free(octets); !errors.Is(err, spool.ErrFull) && !disk.IsFull(err) {
		return nil // whether it can be kept is seen then
	}
	return spool.ErrFull
}

// domains is the domains and addresses of a server, which can be replaced.
type domains struct {
	mu    sync.RWMutex
	names []string // canonical
	addrs []netip.Addr
}

func (o *domains) set(names []string, addrs []netip.Addr) {
	all := make([]string, len(names))
	for i, name := range names {
		all[i] = canonical(name)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.names, o.addrs = all, slices.Clone(addrs)
}

func (o *domains) has(name string) bool {
	o.mu.RLock()
	defer o.mu.RUnlock()
	return slices.Contains(o.names, canonical(name))
}

// first is the domain that postmaster is at, without a final dot; empty for none.
func (o *domains) first() string {
	o.mu.RLock()
	defer o.mu.RUnlock()
	if len(o.names) == 0 {
		return ""
	}
	return display(o.names[0])
}

func (o *domains) addresses() []netip.Addr {
	o.mu.RLock()
	defer o.mu.RUnlock()
	return o.addrs
}
