package disk

// ParseRecords is for tests.
func ParseRecords(b []byte) []Record { return parseRecords(b) }

// Append is for tests.
func (r Record) Append(b []byte) []byte { return r.append(b) }

// SetMost bounds the segments of a journal in a test.
func (j *Journal) SetMost(most int64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.most = most
}
