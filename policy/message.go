package policy

import (
	"slices"

	"github.com/maildoctor/maildoctor/diagnosis"
)

// OfMessage is what a receiver asks of one message, beside what it asks of a domain.
type OfMessage struct {
	Question string // that Judge answers
	Demands  []Demand
	Unseen   []string // rules that one message cannot show
}

// ForMessage is the policy about one message: its demands are those of OfMessage,
// to be judged by the results of an examination of that. ok is false where the
// receiver asks nothing of messages.
func (p Policy) ForMessage() (of Policy, ok bool) {
	of = p
	of.Question, of.Demands, of.Unseen, of.Message = p.Message.Question, p.Message.Demands, p.Message.Unseen, OfMessage{}
	return of, len(of.Demands) > 0
}

// What several receivers ask of messages alike.
var (
	// readable is a message whose author can be told, in the form of RFC 5322.
	readable = all(diagnosis.Critical, "message.author", "message.headers", "message.date")
	// someAuthentication is one pass of SPF or DKIM, and no policy against it.
	someAuthentication = all(diagnosis.Critical, "auth.authenticated", "auth.dmarc")
	// fullAuthentication is that SPF passes, a signature passes, one of them for
	// the author, and that the author domain has a DMARC policy.
	fullAuthentication = slices.Concat(
		all(diagnosis.Advice, "auth.spf", "auth.dkim"),
		all(diagnosis.Warning, "auth.aligned"),
		present(diagnosis.Warning, "auth.dmarc"))
	// reverseName is a client whose name leads back to its address.
	reverseName = all(diagnosis.Warning, "auth.reverse-dns")
	// unsubscribing is one click in bulk mail, signed.
	unsubscribing = all(diagnosis.Warning, "message.unsubscribe")
	// takable is what no receiver takes: too large, or with programs in it.
	takable = all(diagnosis.Warning, "auth.size", "message.attachments")
)

var gmailMessage = OfMessage{
	Question: "Would Gmail accept this mail?",
	Demands: slices.Concat(someAuthentication, reverseName, moot(IfSkipped, all(diagnosis.Advice, "auth.tls")), readable,
		all(diagnosis.Critical, "message.freemail-from"), takable),
	Unseen: []string{"a spam rate below 0.3 %", "what Gmail remembers of the client and the domain", "ARC fields from those who forward"},
}

var gmailBulkMessage = OfMessage{
	Question: "Would Gmail accept this as bulk mail (5,000 a day and more)?",
	Demands: slices.Concat(fullAuthentication, reverseName, moot(IfSkipped, all(diagnosis.Advice, "auth.tls")), readable,
		all(diagnosis.Critical, "message.freemail-from"), unsubscribing, takable),
	Unseen: []string{"a spam rate below 0.3 %", "that the link unsubscribes within two days", "what Gmail remembers of the client and the domain"},
}

var yahooMessage = OfMessage{
	Question: "Would Yahoo accept this as bulk mail?",
	Demands:  slices.Concat(fullAuthentication, reverseName, readable, unsubscribing, takable),
	Unseen:   []string{"that the link unsubscribes within two days", "a low rate of complaints (0.3 % at most)", "what Yahoo remembers of the client and the domain"},
}

var microsoftMessage = OfMessage{
	Question: "Would Outlook.com accept this as bulk mail (more than 5,000 a day)?",
	Demands: slices.Concat(fullAuthentication, readable,
		all(diagnosis.Warning, "message.reply-address"), takable),
	Unseen: []string{"an unsubscribe link that works", "that replies are read", "what Microsoft remembers of the client and the domain"},
}
