package replies

import (
	"regexp"
	"strings"
)

// queued is how hosts give the ID under which they have taken a message, each with
// the ID in its one group. The first that fits counts.
func queued() []string {
	return []string{
		`(?i)queued(?: mail)? as:? *<?([\w.:@/+=-]{4,100})`,                   // Postfix, OpenSMTPD, Haraka, ...
		`(?i)\bid=([\w.-]{6,100})`,                                            // Exim, qpsmtpd, GMX
		`(?i)\bInternalId=(\d+)`,                                              // Exchange
		`(?i)\bok +(\d{6,} [\w.-]{4,100}) - gsmtp`,                            // Google
		`(?i)^(?:\d\.\d\.\d )?([\w.-]{8,100}) Message accepted`,               // sendmail
		`(?i)\bok +(\d+ qp \d+)`,                                              // qmail
		`(?i)\bok (?:<[^>]*> )?\[?([0-9a-f-]{10,64})\]?(?: |$)`,               // MailEnable, SES and others
		`(?i)\b(?:message|mail|queue)[ -]?id(?: is)?[ =:]+<?([\w.@-]{4,100})`, // by its name
	}
}

// QueueID is the ID that the text of a 250 gives a message; empty where there is none
// to be seen. Whoever runs that host finds the message by it.
func QueueID(text string) string {
	text = strings.Join(strings.Fields(text[:min(len(text), maxText)]), " ")
	for _, pattern := range queued() {
		if m := regexp.MustCompile(pattern).FindStringSubmatch(text); m != nil {
			return strings.TrimRight(m[1], ".:-")
		}
	}
	return ""
}
