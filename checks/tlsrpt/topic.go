// Package tlsrpt holds a domain to the rules about SMTP TLS reports (RFC 8460):
// whether it learns of it when senders cannot deliver to it encrypted.
package tlsrpt

import "github.com/maildoctor/maildoctor/checks"

// Checks is the checks of this topic.
var Checks checks.Topic
