// Package smtp holds a domain's MX hosts to what they have to say to senders.
// Where those hosts are is the matter of package mx; that this machine gets to
// them, of package ip.
package smtp

import "github.com/maildoctor/maildoctor/checks"

// Checks is the checks of this topic.
var Checks checks.Topic
