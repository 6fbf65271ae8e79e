// Package zonefile turns the text of zone files (RFC 1035, 5) into records.
//
// It does not judge what the records say, and does not write them yet.
package zonefile

import (
	"fmt"
	"io"

	"github.com/miekg/dns"

	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// DefaultTTL is the TTL in seconds of records in a file that gives none.
const DefaultTTL = 3600

// maxRecords bounds what one file may expand to ($GENERATE multiplies).
const maxRecords = 100_000

// Read reads the records of a zone file. Names that are not absolute end in
// origin. $INCLUDE is refused. The error names the line.
func Read(r io.Reader, origin string) ([]record.Record, error) {
	parser := dns.NewZoneParser(r, record.Canonical(origin), "")
	parser.SetDefaultTTL(DefaultTTL)
	parser.SetIncludeAllowed(false)
	var records []record.Record
	for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
		if len(records) == maxRecords {
			return nil, fmt.Errorf("more than %d records", maxRecords)
		}
		records = append(records, resolve.FromRR(rr))
	}
	return records, parser.Err()
}
