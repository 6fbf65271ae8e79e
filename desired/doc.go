// Package desired is what the owner wants: the file maildoctor.yaml, the records
// that mail suites and mail services ask for, and the edits that follow.
//
//	version: 1
//	hosts:
//	  mail.example.com: [192.0.2.25, "2001:db8:25::25"]
//	domains:
//	  example.com:
//	    profile: mailcow
//	    dkim: {dkim: MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A...}
//
// Parse reads the file and reports every problem with its line; Format writes one.
// State.Edits joins the profile of a mail suite and the services that a domain
// uses to one SPF record, one DMARC record and one MX set, with selectors side by
// side. Where two sides want what cannot stand together, it names both. Each
// change says why, and how much depends on it.
//
// Profiles and Services are data: tables of records with placeholders. What an
// account is issued (keys, tokens, verification texts) is an input and never made up.
//
// The package is pure: bytes in, edits out. It asks no DNS, reads no file but
// through the function that the caller gives, and does not know what is published;
// package plan compares.
package desired
