package disk

// ParseSegment is for tests.
func ParseSegment(b []byte) (list []Record, err error) {
	list, _, err = parseSegment(b)
	return list, err
}

// Segment is for tests: one with a batch for each record. What stands in it already is
// stale.
func Segment(stale []byte, records ...Record) []byte {
	head := segmentHead{}.next()
	b := append(make([]byte, 0, batchesAt), head.octets()...)
	b = b[:batchesAt]
	copy(b[head.at():], head.octets())
	for n, r := range records {
		batch := r.append(make([]byte, batchHead))
		sealBatch(batch, head.use, uint64(n+1))
		b = append(b, batch...)
	}
	if len(b) < len(stale) {
		b = append(b, stale[len(b):]...)
	}
	return b
}

// SetMost bounds the segments of a journal in a test.
func (j *Journal) SetMost(most int64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.most = most
}
