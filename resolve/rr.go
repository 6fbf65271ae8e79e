package resolve

import (
	"github.com/miekg/dns"

	"github.com/maildoctor/maildoctor/record"
)

// FromRR returns a record of the DNS library as this project's own. It is for
// the few packages that meet such records themselves, like a zone file's reader;
// rr must not be used any more.
func FromRR(rr dns.RR) record.Record { return toRecord(rr) }
