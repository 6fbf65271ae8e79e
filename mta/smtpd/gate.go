package smtpd

import (
	"net/netip"
	"sync"
	"time"
)

// A gate counts the sessions of each client, at a time and begun in a minute.
type gate struct {
	total, each, perMinute int

	mu      sync.Mutex
	open    int
	clients map[netip.Prefix]*client
	swept   time.Time
}

// A client is one IPv4 address, or the /64 that one subscriber has at least.
type client struct {
	open   int
	tokens float64 // sessions that it may begin now
	at     time.Time
}

// maxClients bounds the table; past it strangers wait.
const maxClients = 100_000

// loginCost is what a failed login costs, in sessions.
const loginCost = 10

func newGate(l Limits) *gate {
	return &gate{total: l.Sessions, each: l.ClientSessions, perMinute: l.ClientPerMinute, clients: make(map[netip.Prefix]*client)}
}

func clientOf(addr netip.Addr) netip.Prefix {
	addr = addr.Unmap().WithZone("")
	bits := 32
	if addr.Is6() {
		bits = 64
	}
	p, _ := addr.Prefix(bits) // the zero Prefix for no address: one client, too
	return p
}

// enter lets a session begin, or says why not. Who entered leaves.
func (g *gate) enter(addr netip.Addr, now time.Time) *Reply {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open >= g.total {
		return replyBusy
	}
	if now.Sub(g.swept) >= time.Minute || len(g.clients) >= maxClients && now.Sub(g.swept) >= time.Second {
		g.sweep(now)
	}
	key := clientOf(addr)
	c := g.clients[key]
	if c == nil {
		if len(g.clients) >= maxClients {
			return replyBusy
		}
		c = &client{tokens: float64(g.perMinute), at: now}
		g.clients[key] = c
	}
	c.refill(g.perMinute, now)
	if c.open >= g.each || c.tokens < 1 {
		return replyBusyWithYou
	}
	c.tokens--
	c.open++
	g.open++
	return nil
}

func (g *gate) leave(addr netip.Addr) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open--
	g.clients[clientOf(addr)].open--
}

// fine makes a failed login count as sessions begun.
func (g *gate) fine(addr netip.Addr) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.clients[clientOf(addr)].tokens -= loginCost
}

func (c *client) refill(perMinute int, now time.Time) {
	c.tokens = min(c.tokens+now.Sub(c.at).Minutes()*float64(perMinute), float64(perMinute))
	c.at = now
}

// sweep forgets who is as good as new.
func (g *gate) sweep(now time.Time) {
	g.swept = now
	for key, c := range g.clients {
		if c.refill(g.perMinute, now); c.open == 0 && c.tokens == float64(g.perMinute) {
			delete(g.clients, key)
		}
	}
}
