// Package ip holds to account the network that a mail host, or this machine,
// stands in. Names of addresses are the matter of package ptr.
package ip

import "github.com/maildoctor/maildoctor/checks"

// Checks is the checks of this topic.
var Checks checks.Topic
