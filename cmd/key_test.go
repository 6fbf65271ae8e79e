package cmd

import (
	"fmt"
	"strings"
	"testing"
)

func TestByKey(t *testing.T) {
	var o liveOptions
	if err := o.byKey(""); err != nil || o.want.DQS {
		t.Errorf("no key: %v, %t", err, o.want.DQS)
	}
	if err := o.byKey("not.a.key.at.all"); err == nil || strings.Contains(err.Error(), "at.all") || o.want.DQS {
		t.Errorf("a bad key: %v, %t", err, o.want.DQS)
	}
	const key = "abcdefghijklmnopqrstuvwxy0"
	if err := o.byKey(key); err != nil || !o.want.DQS {
		t.Errorf("a key: %v, %t", err, o.want.DQS)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if said := fmt.Sprintf(verb, o); strings.Contains(said, key) {
			t.Errorf("%s shows the key: %s", verb, said)
		}
	}
}
