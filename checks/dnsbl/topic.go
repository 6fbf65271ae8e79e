// Package dnsbl holds the addresses and names of a domain to what the DNS
// blocklists (RFC 5782) say of them, and the lists to what makes their answers
// worth believing.
//
// Listings are judged by the lists that answered; a list that refused, is dead or
// lies is named by a check of its own and never counts as a listing.
package dnsbl

import "github.com/maildoctor/maildoctor/checks"

// Checks is the checks of this topic.
var Checks checks.Topic
