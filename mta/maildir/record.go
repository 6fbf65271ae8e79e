package maildir

import (
	"encoding/binary"
	"hash/crc32"
)

// A record of a journal is a message and where it was delivered, or word that it
// was removed again:
//
//	kind (1 octet)  CRC-32C of all that follows (4)  lengths of box, folder, name (2 each) and of the octets (4)
//	box  folder  name  octets
//
// Numbers are little-endian.
type record struct {
	kind              byte
	box, folder, name string
	octets            []byte // Return-Path, Delivered-To and the message
}

const (
	delivered byte = 'D'
	removed   byte = 'R'

	recordHead = 1 + 4 + 3*2 + 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// size is the octets that append adds.
func (r record) size() int {
	return recordHead + len(r.box) + len(r.folder) + len(r.name) + len(r.octets)
}

// append adds the record to b. Names of a Maildir have less than 64 KiB.
func (r record) append(b []byte) []byte {
	at := len(b)
	b = append(b, r.kind, 0, 0, 0, 0)
	for _, name := range []string{r.box, r.folder, r.name} {
		b = binary.LittleEndian.AppendUint16(b, uint16(len(name)))
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(len(r.octets)))
	b = append(b, r.box...)
	b = append(b, r.folder...)
	b = append(b, r.name...)
	b = append(b, r.octets...)
	binary.LittleEndian.PutUint32(b[at+1:], crc32.Checksum(b[at+5:], castagnoli))
	return b
}

// parseRecords reads records up to the first one that is not whole: a power cut
// came while it was written, and nobody was told that it is safe.
func parseRecords(b []byte) (list []record) {
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
func parseRecord(b []byte) (r record, n int) {
	if len(b) < recordHead || b[0] != delivered && b[0] != removed {
		return record{}, 0
	}
	var lengths [4]int
	n = recordHead
	for i := range 3 {
		lengths[i] = int(binary.LittleEndian.Uint16(b[5+2*i:]))
		n += lengths[i]
	}
	octets := binary.LittleEndian.Uint32(b[11:])
	if uint64(n)+uint64(octets) > uint64(len(b)) {
		return record{}, 0
	}
	lengths[3] = int(octets)
	n += lengths[3]
	if crc32.Checksum(b[5:n], castagnoli) != binary.LittleEndian.Uint32(b[1:]) {
		return record{}, 0
	}
	var parts [4][]byte
	rest := b[recordHead:n]
	for i, length := range lengths {
		parts[i], rest = rest[:length], rest[length:]
	}
	return record{b[0], string(parts[0]), string(parts[1]), string(parts[2]), parts[3]}, n
}
