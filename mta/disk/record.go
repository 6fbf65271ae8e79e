package disk

import (
	"encoding/binary"
	"hash/crc32"
)

// A Record of a journal is a file as it is from now on:
//
//	kind (1 octet)  lengths of name (2) and octets (4)
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

	recordHead = 1 + 2 + 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// size is the octets that append adds.
func (r Record) size() int { return recordHead + len(r.Name) + len(r.Octets) }

// append adds the record to b.
func (r Record) append(b []byte) []byte {
	kind := thereKind
	if r.Gone {
		kind = goneKind
	}
	b = append(b, kind)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(r.Name)))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(r.Octets)))
	b = append(b, r.Name...)
	return append(b, r.Octets...)
}

// parseRecords reads the records of a batch, which is whole; ok is false if it is
// none.
func parseRecords(b []byte) (list []Record, ok bool) {
	for len(b) > 0 {
		r, n := parseRecord(b)
		if n == 0 {
			return nil, false
		}
		list = append(list, r)
		b = b[n:]
	}
	return list, true
}

// parseRecord reads one record, whose length is n; 0 if there is none.
func parseRecord(b []byte) (r Record, n int) {
	if len(b) < recordHead || b[0] != thereKind && b[0] != goneKind {
		return Record{}, 0
	}
	name, octets := int(binary.LittleEndian.Uint16(b[1:])), binary.LittleEndian.Uint32(b[3:])
	if uint64(recordHead+name)+uint64(octets) > uint64(len(b)) {
		return Record{}, 0
	}
	n = recordHead + name + int(octets)
	return Record{Name: string(b[recordHead : recordHead+name]), Octets: b[recordHead+name : n], Gone: b[0] == goneKind}, n
}

// A batch of records, as it stands in a segment, is behind a head:
//
//	CRC-32C of all that follows (4 octets)  length of the records (4)  use (8)  number (8)
//
// It is written and synced as one, and so it counts whole or not at all. The use is
// that of the segment when it was written: chance, so that neither what stood there
// before nor what somebody has written into a mail can be taken for it. The number
// is larger than that of all batches before, of other segments too.
const batchHead = 4 + 4 + 8 + 8

// sealBatch fills in the head of a batch, for which there is room in front of the
// records.
func sealBatch(b []byte, use, number uint64) {
	binary.LittleEndian.PutUint32(b[4:], uint32(len(b)-batchHead))
	binary.LittleEndian.PutUint64(b[8:], use)
	binary.LittleEndian.PutUint64(b[16:], number)
	binary.LittleEndian.PutUint32(b, crc32.Checksum(b[4:], castagnoli))
}

// parseBatches reads the batches of a use up to the first one that is not whole: a
// power cut came while it was written, and nobody was told that it is safe; or
// nothing was written there in this use. first is the number of the first batch.
func parseBatches(b []byte, use uint64) (list []Record, first uint64) {
	for last := uint64(0); ; {
		records, number, n := parseBatch(b, use)
		if n == 0 || number <= last {
			return list, first
		}
		if last = number; first == 0 {
			first = number
		}
		list = append(list, records...)
		b = b[n:]
	}
}

// parseBatch reads one batch, whose length is n; 0 if there is none of that use.
func parseBatch(b []byte, use uint64) (list []Record, number uint64, n int) {
	if len(b) < batchHead || binary.LittleEndian.Uint64(b[8:]) != use {
		return nil, 0, 0
	}
	length := uint64(binary.LittleEndian.Uint32(b[4:]))
	if batchHead+length > uint64(len(b)) {
		return nil, 0, 0
	}
	n = batchHead + int(length)
	if crc32.Checksum(b[4:n], castagnoli) != binary.LittleEndian.Uint32(b) {
		return nil, 0, 0
	}
	list, ok := parseRecords(b[batchHead:n])
	if !ok {
		return nil, 0, 0
	}
	return list, binary.LittleEndian.Uint64(b[16:]), n
}
