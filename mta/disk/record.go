package disk

import (
	"encoding/binary"
	"hash/crc32"
)

// A Record of a journal is a file as it is from now on:
//
//	kind (1 octet)  CRC-32C of all that follows (4)  lengths of name (2) and octets (4)
//	name  octets
//
// Numbers are little-endian.
type Record struct {
	Name   string // by which its owner finds the file; less than 64 KiB
	Octets []byte // all of it
	Gone   bool   // it is removed
}

const (
	thereKind byte = 'T'
	goneKind  byte = 'G'

	recordHead = 1 + 4 + 2 + 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// size is the octets that append adds.
func (r Record) size() int { return recordHead + len(r.Name) + len(r.Octets) }

// append adds the record to b.
func (r Record) append(b []byte) []byte {
	at := len(b)
	kind := thereKind
	if r.Gone {
		kind = goneKind
	}
	b = append(b, kind, 0, 0, 0, 0)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(r.Name)))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(r.Octets)))
	b = append(b, r.Name...)
	b = append(b, r.Octets...)
	binary.LittleEndian.PutUint32(b[at+1:], crc32.Checksum(b[at+5:], castagnoli))
	return b
}

// parseRecords reads records up to the first one that is not whole: a power cut
// came while it was written, and nobody was told that it is safe.
func parseRecords(b []byte) (list []Record) {
	for {
		r, n := parseRecord(b)
		if n == 0 {
			return list
		}
		list = append(list, r)
		b = b[n:]
	}
}

// parseRecord reads one record, whose length is n; 0 if it is not whole.
func parseRecord(b []byte) (r Record, n int) {
	if len(b) < recordHead || b[0] != thereKind && b[0] != goneKind {
		return Record{}, 0
	}
	name, octets := int(binary.LittleEndian.Uint16(b[5:])), binary.LittleEndian.Uint32(b[7:])
	if uint64(recordHead+name)+uint64(octets) > uint64(len(b)) {
		return Record{}, 0
	}
	n = recordHead + name + int(octets)
	if crc32.Checksum(b[5:n], castagnoli) != binary.LittleEndian.Uint32(b[1:]) {
		return Record{}, 0
	}
	return Record{Name: string(b[recordHead : recordHead+name]), Octets: b[recordHead+name : n], Gone: b[0] == goneKind}, n
}
