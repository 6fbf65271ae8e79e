// Package scenario is a world in one txtar file: the records of a domain and
// what surrounds it, the faults of the DNS, the mail hosts and what they say, and
// the verdict that follows. It reads such a world, and plays it in process to
// whatever examines a domain; lab serves the same world over real sockets.
//
// It is a test case, a bug report, a demo, a fuzz seed. It does not examine.
//
// # Form
//
// The text before the first section says in a sentence what is wrong. Among it
// stand settings, a line each:
//
//	domain: example.org        examined
//	address: 192.0.2.25        examined in place of a domain
//	like: healthy              begin with the world of that scenario, see below
//	selectors: s1 s2           as --selector
//	ips: 192.0.2.25            as --ip
//	helo: mx.example.org       as --helo
//	private: on                as --allow-private
//	relay-test: off            without --open-relay-test; on otherwise
//	intrusive: off             without --intrusive; on otherwise
//	mx: mx1.example.org        as --mx
//	dmarc: reject              as --dmarc
//	policies: gmail yahoo      as --policy; the answers stand at the end of want
//	dqs: on                    as with a key for Spamhaus' lists
//	here: 192.0.2.25           addresses of the examining machine
//	now: 2026-11-22T12:00:00Z  the examination's clock
//	smtp: off                  as --no-smtp
//	https: off                 as --no-https
//	world: none                leave out the base internet
//	signed: example.org        these zones are secure by DNSSEC; the others are not signed
//	bogus: example.org         their signatures have expired; misdelegated: the DS fits
//	                           no key; weak: signed with RSASHA1; unsigned: none of these
//	dnssec: stripped           the resolver passes on no signatures, so nothing can be told
//	lab: off                   documentation addresses are not public, as on the internet
//
// Sections:
//
//	-- zone --               records of the domain, as in a zone file; no SOA, TTL or class needed
//	-- zone example.net --   records of another origin
//	-- without --            with "like": records to leave out, a line each: TYPE NAME, or * NAME
//	-- faults --             TYPE NAME FAULT; TYPE or *, NAME or *.suffix; see resolve.Fault
//	-- smtp/192.0.2.25:25 -- what the host at that address says; see smtpscript. At
//	                         other ports it may speak IMAP, POP3 or ManageSieve
//	-- https/HOST/PATH --    what a GET of that URL gets; see httpscript
//	-- server/192.0.2.53 --  in what that name server differs from the others, see below
//	-- local/etc/hosts --    a file of the mail host, seen from within; see below
//	-- message --            a message, examined in place of the domain; its lines end in CRLF
//	-- message/quoted --     likewise, as strings of Go, a line each: "Subject: a\r\n"
//	-- envelope --           how the message came, where its header does not show it: a
//	                         line each of client, helo, mail-from, received, at; as the
//	                         flags of maildoctor message
//	-- want --               every result but the passes
//
// All zones are one tree of names, which the resolver answers from. A zone
// without NS records of its own gets two.
//
// An https host is served at the addresses that its name has in the zones. What
// directs a host, such as !refuse, holds for all of its pages. A PATH that ends in
// "*" stands for all that begin so and have no page of their own.
//
// # The mail host from within
//
// With one of these sections the examining machine is the mail host, and is
// looked into, as by --local. The setting "here" gives it its addresses.
//
//	-- local/etc/postfix/main.cf --  a file. "!certificate NAME" stands for a certificate that
//	                                 the world issues, "!none" for no file
//	-- local-run/postqueue -j --     what a command prints; behind a "!", what it fails with
//	-- local-disk --                 PATH FREE TOTAL, or PATH FREE TOTAL UNUSED INODES; M and G are units
//	-- local-denied --               paths that may not be read, with all below, a line each
//
// # Name servers
//
// Every address of a name that NS records name is a name server. It answers with
// authority for the zones that name it, refers to the servers of the zones below
// those, with glue, and refuses everything else. A zone without a SOA record
// gets one, which names its first server and hostmaster@dns-host.example. The
// parent of a zone is the nearest zone above that has NS records: often the
// root, whose server is 203.0.113.254.
//
// A server section says in what one of them differs: with records, which take
// the place of those of their slots for whoever asks this server, as in a copy of
// the zone that is out of date or a delegation that is; and with directives:
//
//	!without TYPE NAME  leaves out records
//	!lame               answers without authority, and nothing
//	!refused            answers REFUSED
//	!servfail           answers SERVFAIL
//	!silent             does not answer
//	!notcp              refuses connections
//	!transfer           gives its zones to anybody
//	!recursive          resolves every name for anybody
//
// An address with a section need not be that of a zone's server: the public
// resolvers of the base internet are such. Faults hit the
// servers too, but those that refer and those that fail in their own way.
//
// # Like another
//
// With "like: healthy" the scenario is the other one plus a difference: a
// record given here takes the place of all records of its slot there (same name
// and type; of TXT records those with the same version tag), a host or page
// given here takes the place of that there, and faults are added.
//
// # The base internet
//
// Under every world lies a small internet: the test points of the DNS
// blocklists, and the well-known mail hosts by which it is found out whether
// outbound port 25 is open. "world: none" leaves it out.
//
// # Recordings
//
// A Recorder writes the sections answers, statements, sessions, filters and times instead
// of zones and hosts: a line of JSON for each question and its answer, for what
// each name server said, for each SMTP conversation, and one for what the clock said. "world: recorded" marks them.
// What is asked beyond a recording could not be told.
//
// # Want
//
// One line a finding, doubt or skip, in the order of the results:
//
//	fail spf.lookup-limit: SPF of example.org needs 11 DNS lookups, the limit is 10
//	unknown dmarc.lookup-conclusive: TXT _dmarc.example.org: SERVFAIL
//	skip spf.void-limit: because of spf.syntax
//
// What is not listed must pass. Of the policies named every answer is listed,
// yes included:
//
//	yes policy.gmail: Would Gmail accept mail from this domain?
//
// A policy has a scenario as a check has, policy.NAME.txtar.
package scenario
