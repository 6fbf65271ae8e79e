// Package senders adds up what reports (package feedback) tell of a domain's mail: who
// sends with the domain in From, whether that is aligned and so passes DMARC, what a
// stricter policy would do to it, and when the next step is safe.
//
// Who an address belongs to is told from what is published: the SPF records of the
// domain and of mail services, and the domains for which the mail passed SPF and DKIM.
// Reverse DNS is not asked: it is the sender's own word.
//
// Reports are strangers' words, too. Those that contradict themselves or the mail that
// brought them are set aside and named. It reads no files, and asks the DNS only in
// Published.
package senders
