package cmd

import (
	"fmt"

	"github.com/maildoctor/maildoctor/mailauth/dnsbl"
)

// spamhausKey is the environment variable with the key for the lists of Spamhaus.
const spamhausKey = "SPAMHAUS_DQS_KEY"

// A secret is a text that is not there for whoever prints it.
type secret func() string

// byKey has the lists of Spamhaus asked by the key given in the environment; by
// their public names where it is empty.
func (o *liveOptions) byKey(text string) error {
	if text == "" {
		return nil
	}
	key, err := dnsbl.ParseKey(text)
	if err != nil {
		return fmt.Errorf("%s: %w", spamhausKey, err)
	}
	o.dqsKey, o.want.DQS = func() string { return key }, true
	return nil
}
