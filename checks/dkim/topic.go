// Package dkim holds a domain to the rules about its DKIM key records (RFC
// 6376, 3.6; RFC 8301; RFC 8463). A selector can have any name, so that no key
// was found proves nothing.
package dkim

import "github.com/maildoctor/maildoctor/checks"

// Checks is the checks of this topic.
var Checks checks.Topic
