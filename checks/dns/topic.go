// Package dns holds the domain's name itself to the rules of the DNS, before
// anybody asks what stands at it.
package dns

import "github.com/maildoctor/maildoctor/checks"

// Checks is the checks of this topic.
var Checks checks.Topic
