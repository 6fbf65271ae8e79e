// Package smtpd receives mail over SMTP (RFC 5321), as a mail host and as a
// submission server (RFC 6409), and hands each message to a [Store].
//
// It takes mail for its own domains only, and from users that logged in. It never
// is an open relay: a foreign recipient is refused however it is dressed up
// (percent, bang, source route, quoted "@"), and a server that relays for
// everybody refuses to listen anywhere but on loopback.
//
// # The life of a message
//
// The message is read to its true end and held, in memory while it is small and
// there is room, else in a file without a name. A [Judge] may look at it and refuse
// it, or add and take away header fields. Then the Store takes it, and only after
// Store.Accept returned without error the client hears 250.
//
// # What ends a message
//
// CRLF.CRLF and nothing else (RFC 5321, 4.1.1.4). A message with a bare CR or LF
// is read to that end and refused with 550 5.6.11, so that no part of it is ever
// taken for a command (CVE-2023-51764 and its kin), or kept and noted where
// [Config].KeepBare says so. Bytes that a client sends before it was let to
// (after STARTTLS, after a DATA that was refused) are never commands either.
//
// # Why this dialogue is our own
//
// github.com/emersion/go-smtp 0.25.1 is a good library, but it stands between the
// bytes and what has to be known of them, and some of it has no switch:
//
//   - it reads lines by net/textproto, which takes a bare LF for the end of a command
//     and says nothing: early talking, pipelining faults and line ends cannot be seen
//     from a Session;
//   - a Session does not learn whether the client said HELO or EHLO, which the
//     Received field has to tell (RFC 5321, 4.4);
//   - it drops the quotes of a local part and the source route before a Session sees
//     the address: "a@b"@local and a@b@local are one;
//   - it ends a session after three bad commands, by a constant;
//   - a BDAT whose size does not parse is answered, and its chunk is then read as
//     commands: the hole that this package is about;
//   - after a failed handshake it answers in clear and the dialogue goes on;
//   - it answers commands out of order with 502 and unknown parameters with 500,
//     where RFC 5321, 4.2.2 and 4.1.1.11 have 503 and 555;
//   - Shutdown waits for idle clients in place of answering 421;
//   - each line of a reply is a write of its own, eleven of them to an EHLO.
package smtpd
