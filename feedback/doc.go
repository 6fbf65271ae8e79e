// Package feedback reads what receivers report of a domain's mail: DMARC aggregate
// reports, as RFC 9990 has them and as RFC 7489, appendix C, had them, and SMTP TLS
// reports (RFC 8460). It reads them as they come: plain, in gzip or zip, attached to
// mails, in mbox files, Maildirs and folders.
//
// Reports come from strangers. What is wrong with one but can be made out is read
// and noted; what cannot is refused with a reason, and the others are read all the
// same. Nothing is held whole that can be long: a report of any size streams. Octets,
// nesting, counts and names are bounded, and entities are never expanded.
//
// It adds up nothing, asks nobody and verifies no signature.
package feedback
