// Package judge tells what a receiver makes of one message: SPF, the reverse
// lookup of the client, every DKIM signature, the ARC chain and DMARC, joined
// into one judgement (RFC 7208, RFC 8601, RFC 6376, RFC 8617, RFC 9989), and
// what would become of the message by it.
//
// It verifies nothing itself and knows no receiver's own rules: whether a mail
// looks like spam it does not say.
package judge
