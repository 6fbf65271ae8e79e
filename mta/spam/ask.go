package spam

import (
	"context"
	"sync"
)

// An Answer is what one filter said, or why it said nothing.
type Answer struct {
	Filter  string   `json:"filter"` // as its String has it
	Verdict *Verdict `json:"verdict,omitempty"`
	Error   string   `json:"error,omitempty"` // where there is no verdict
}

// Ask asks filters about a message, all at once, and returns the answers in their
// order.
func Ask(ctx context.Context, filters []Filter, message []byte, e Envelope) []Answer {
	answers := make([]Answer, len(filters))
	var wg sync.WaitGroup
	for i, f := range filters {
		wg.Go(func() {
			answers[i].Filter = f.String()
			v, err := f.Judge(ctx, message, e)
			if err != nil {
				answers[i].Error = err.Error()
				return
			}
			answers[i].Verdict = &v
		})
	}
	wg.Wait()
	return answers
}
