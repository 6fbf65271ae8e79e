package facts

import (
	"context"
	"sync"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/resolve"
)

// A Stream is what one server says over TCP.
type Stream struct {
	ServerAddr
	SOA Said
}

// A StreamSet is what all servers say over TCP.
type StreamSet struct {
	ViewSet
	Streams []Stream
	Parents []Said // servers of the parent zone over TCP: whether there is a way out of here
}

// Open reports whether anybody at all was heard over TCP in a family.
func (s StreamSet) Open(family Family) bool {
	for _, stream := range s.Streams {
		if FamilyOf(stream.Addr) == family && stream.SOA.Err == nil {
			return true
		}
	}
	for _, p := range s.Parents {
		if FamilyOf(p.Inquiry.Server) == family && p.Err == nil {
			return true
		}
	}
	return false
}

// Streams is the fact of what the name servers say over TCP.
var Streams = checks.NewFact("name servers over TCP", func(ctx context.Context, env *checks.Env) (StreamSet, error) {
	cut, err := askable(ctx, env)
	if err != nil || cut.Off != "" {
		return StreamSet{ViewSet: ViewSet{NameServerSet: cut}}, err
	}
	var set StreamSet
	var wg sync.WaitGroup
	if cut.Parent != "" {
		wg.Go(func() { set.Parents = parentStreams(ctx, env, cut.ZoneCut) })
	}
	_, set.Streams, err = eachServer(ctx, env, func(s ServerAddr) Stream {
		return Stream{s, inquire(ctx, env, resolve.Inquiry{Name: cut.Zone, Type: "SOA", Server: s.Addr, TCP: true})}
	})
	wg.Wait()
	if err == nil {
		set.ViewSet, err = Views.Of(ctx, env)
	}
	return set, err
})

// parentStreams asks the same servers of the parent as Parents does.
func parentStreams(ctx context.Context, env *checks.Env, cut ZoneCut) []Said {
	targets, err := parentTargets(ctx, env, cut)
	if err != nil {
		return nil
	}
	said := make([]Said, len(targets))
	var wg sync.WaitGroup
	for i, addr := range targets {
		wg.Go(func() {
			said[i] = inquire(ctx, env, resolve.Inquiry{Name: cut.Parent, Type: "SOA", Server: addr, TCP: true})
		})
	}
	wg.Wait()
	return said
}
