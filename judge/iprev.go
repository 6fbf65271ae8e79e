package judge

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"

	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// maxNames bounds the names of one address that are looked up (RFC 8601, 3, names
// the risk; RFC 7208, 4.6.4 takes as many).
const maxNames = 10

// An IPRev is whether the client has a name that leads back to its address (RFC
// 8601, 3): forward-confirmed reverse DNS.
type IPRev struct {
	Code  string // "pass", "fail", "temperror", "permerror"; empty where the client is not known
	Cause string
	Name  string   // canonical: the first that is confirmed, or else the first; empty if there is none
	Names []string // all, canonical
}

func (t trial) iprev(ctx context.Context, client netip.Addr) IPRev {
	if !client.IsValid() {
		return IPRev{Cause: "the address of the client is not known"}
	}
	answer, err := t.dns.Resolve(ctx, resolve.Ask(record.Reverse(client), "PTR"))
	switch {
	case err != nil:
		return IPRev{Code: "temperror", Cause: said(err)}
	case answer.Void(): // RFC 8601, 3: no PTR data
		return IPRev{Code: "permerror", Cause: fmt.Sprintf("%s has no name in the reverse DNS", client)}
	}
	var r IPRev
	for _, rec := range answer.Records {
		r.Names = append(r.Names, record.Canonical(rec.Data))
	}
	r.Name = r.Names[0]
	found := make([]error, min(len(r.Names), maxNames))
	var wg sync.WaitGroup
	for i := range found {
		wg.Go(func() { found[i] = t.confirm(ctx, r.Names[i], client) })
	}
	wg.Wait()
	r.end(client, found)
	return r
}

// end comes to a result from what was found of each name.
func (r *IPRev) end(client netip.Addr, found []error) {
	open := slices.IndexFunc(found, func(err error) bool { return resolve.KindOf(err) != 0 })
	if good := slices.Index(found, nil); good >= 0 {
		r.Code, r.Name = "pass", r.Names[good]
		r.Cause = fmt.Sprintf("%s is called %s, which leads back to it", client, record.Display(r.Name))
		return
	}
	if open >= 0 {
		r.Code, r.Name, r.Cause = "temperror", r.Names[open], said(found[open])
		return
	}
	r.Code, r.Cause = "fail", fmt.Sprintf("%s is called %s, %s", client, record.Display(r.Name), found[0])
}

// confirm is nil where name has the address.
func (t trial) confirm(ctx context.Context, name string, client netip.Addr) error {
	typ := "AAAA"
	if client.Is4() {
		typ = "A"
	}
	answer, err := t.dns.Resolve(ctx, resolve.Ask(name, typ))
	switch {
	case resolve.KindOf(err) == resolve.Invalid: // what the record says, not a failure of the DNS
		return errors.New("which is no name that can be asked")
	case err != nil:
		return err
	case slices.Contains(answer.Addrs(), client):
		return nil
	case !answer.Exists:
		return errors.New("which does not exist")
	case answer.Void():
		return fmt.Errorf("which has no %s record", typ)
	}
	return fmt.Errorf("which has other addresses: %v", answer.Addrs()[0])
}
