// Package arc judges the Authenticated Received Chain of one message: what hosts
// that passed it on vouch for (RFC 8617).
package arc

import "github.com/maildoctor/maildoctor/checks"

// Checks is the checks of this topic.
var Checks checks.Topic
