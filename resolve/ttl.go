package resolve

import (
	"strconv"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/record"
)

// leastTTL is the least TTL of the records of all sets; 0 where there are none.
func leastTTL(sets ...[]record.Record) time.Duration {
	least, any := uint32(0), false
	for _, set := range sets {
		for _, r := range set {
			if !any || r.TTL < least {
				least, any = r.TTL, true
			}
		}
	}
	return seconds(least)
}

// soaTTL is the negative TTL an SOA gives: the less of its own TTL and of its
// MINIMUM field (RFC 2308, 5). A TTL of 0 in a record not from the network means
// that none was given.
func soaTTL(soa record.Record) time.Duration {
	fields := strings.Fields(soa.Data)
	if len(fields) != 7 {
		return negativeTTL
	}
	minimum, err := strconv.ParseUint(fields[6], 10, 32)
	if err != nil {
		return negativeTTL
	}
	if soa.TTL == 0 {
		return seconds(uint32(minimum))
	}
	return seconds(min(soa.TTL, uint32(minimum)))
}

// seconds is a TTL as a duration; one with the top bit set counts as 0
// (RFC 2181, 8).
func seconds(ttl uint32) time.Duration {
	if ttl > 1<<31-1 {
		return 0
	}
	return time.Duration(ttl) * time.Second
}
