package migration

import "slices"

// IDs of what can stand in the way.
const (
	BlockPolicy    = "mta-sts.policy-remembered" // senders may remember a policy that does not name the new hosts
	BlockTTL       = "dns.ttl-running"           // resolvers may remember what was there before, or that nothing was
	BlockTLSA      = "dane.key-not-out"          // TLSA records do not know the new host's key, or have not for long enough
	BlockKeys      = "dkim.key-not-out"          // not every authoritative server has the new keys
	BlockSameKey   = "dkim.same-selector"        // both sides sign under one selector, with other keys
	BlockLookups   = "spf.lookup-limit"          // SPF needs more than ten lookups while both may send
	BlockSenders   = "spf.sender-unaccounted"    // somebody sends today who is not wanted, and not of the old side
	BlockAlignment = "dmarc.no-signing-key"      // DMARC is strict, and nothing is known to sign for the new side
	BlockHost      = "host.not-fit"              // the new host is listed, has no PTR, or its port 25 is shut
	BlockRelay     = "host.open-relay"           // the new host relays for anybody
	BlockDomain    = "host.domain-refused"       // the new host does not take mail for the domain
	BlockDNSSEC    = "dns.moves-too"             // the delegation changes in the same week
	BlockSwitch    = "switch.too-early"          // the switch is before what it waits for
)

// blockIDs are all of them.
var blockIDs = []string{BlockPolicy, BlockTTL, BlockTLSA, BlockKeys, BlockSameKey, BlockLookups, BlockSenders, BlockAlignment, BlockHost, BlockRelay, BlockDomain, BlockDNSSEC, BlockSwitch}

// NamedChecks are the IDs of checks that steps and blockers go by.
func NamedChecks() []string {
	list := slices.Clone(moving)
	for _, l := range looked {
		list = append(list, l.check)
	}
	b := newBuilder(Given{})
	for _, id := range order {
		s := b.step(id)
		for _, name := range slices.Concat(s.Before, s.After) {
			if !slices.Contains(blockIDs, name) {
				list = append(list, name)
			}
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}
