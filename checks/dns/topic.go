// Package dns holds the domain's name to the rules of the DNS, before anybody asks
// what stands at it, and its zone to what mail needs of one: how long records are
// kept, what answers for names without records, who may issue certificates.
package dns

import "github.com/maildoctor/maildoctor/checks"

// Checks is the checks of this topic.
var Checks checks.Topic
