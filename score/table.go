package score

import "slices"

// A Weight says what a rule costs.
type Weight struct {
	Check string // ID of the rule
	Group Group
	Cost  Cost
	// Unless names rules that count the same fault: where one of them costs
	// something, this costs nothing.
	Unless []string
	Reason string
}

// A Cost is in tenths of a point, by the gravest finding of the rule.
type Cost struct {
	Critical, Warning, Advice int
	// Absent is for a rule that holds because what it is about is not there.
	Absent int
}

// A Group is faults of one kind, which together cost no more than a limit.
type Group string

const (
	Authentication Group = "authentication"
	ReverseDNS     Group = "reverse DNS"
	Header         Group = "header"
	Body           Group = "body"
	Session        Group = "session"
	Way            Group = "way"
	// Small is the advice about header and body.
	Small Group = "small things"
)

// A Limit is the most that a group costs, in tenths of a point.
type Limit struct {
	Group  Group
	Most   int
	Reason string
}

// Limits are those of all groups, in the order in which they are counted.
func Limits() []Limit { return slices.Clone(limits) }

// Most is the limit of a group, in tenths of a point.
func Most(g Group) int {
	for _, l := range limits {
		if l.Group == g {
			return l.Most
		}
	}
	return 0
}

// Weights are those of all rules, in the order in which they are counted: causes
// that count a fault stand before what they count it for.
func Weights() []Weight { return slices.Clone(weights) }

var limits = []Limit{
	{Authentication, 80, "Whether receivers take the mail for the author's decides more than all else, and nearly all by itself."},
	{ReverseDNS, 15, "Many hosts refuse clients without it; others only count it."},
	{Header, 40, "A header that receivers refuse weighs as much as two of the gravest faults in it."},
	{Session, 20, "A client that talks badly is not heard at all by strict hosts, and others do not mind."},
	{Body, 20, "Filters weigh the content less than who sends it."},
	{Small, 10, "Ten small things do not outweigh one grave one."},
	{Way, 5, "How the mail travelled is mostly not in the sender's hand."},
}

// The usual costs, by severity.
const (
	grave   = 20
	middle  = 7
	little  = 2
	refused = 60 // the mail does not get into the inbox
)

// unauthenticated are the rules that count a failing SPF or DKIM already.
var unauthenticated = []string{"auth.dmarc", "auth.authenticated", "auth.aligned"}

var weights = []Weight{
	{"auth.dmarc", Authentication, Cost{Critical: refused, Warning: 25, Absent: 10}, nil,
		"By the policy the mail is rejected or put into the junk folder; with p=none it is not, for now. Without any policy large receivers refuse bulk mail."},
	{"auth.authenticated", Authentication, Cost{Critical: refused}, nil,
		"Gmail and others refuse what neither SPF nor DKIM authenticates, whatever the policy."},
	{"auth.aligned", Authentication, Cost{Warning: grave}, []string{"auth.dmarc", "auth.authenticated"},
		"What passes is not the author's: bulk mail is refused for it, and a policy would reject it."},
	{"message.author", Authentication, Cost{Critical: refused, Warning: middle}, []string{"auth.dmarc"},
		"Receivers refuse mail whose author they cannot tell."},
	{"auth.dkim", Authentication, Cost{Warning: 15, Advice: 15}, unauthenticated,
		"Without a signature that passes the mail does not survive forwarding, and Yahoo and Outlook.com demand one of bulk senders."},
	{"auth.spf", Authentication, Cost{Warning: 15, Advice: 10}, unauthenticated,
		"The client is not among the senders; Outlook.com demands that it is. Less where DKIM carries the mail, as after forwarding."},
	{"auth.readings", Authentication, Cost{Warning: 5}, nil,
		"Some receivers decide by the other RFC."},
	{"auth.signatures", Authentication, Cost{Advice: 3}, nil,
		"A broken signature beside a good one costs nothing today."},
	{"auth.arc", Authentication, Cost{Advice: 3}, []string{"auth.dmarc"},
		"A chain that fails counts as none."},
	{"arc.chain", Authentication, Cost{Advice: 3}, []string{"auth.arc", "auth.dmarc"},
		"The same fault as auth.arc, seen by the check."},
	{"dmarc.alignment-mode", Authentication, Cost{Warning: 5}, []string{"auth.dmarc"},
		"Strict alignment leaves one way to pass where there could be two."},

	{"auth.reverse-dns", ReverseDNS, Cost{Warning: 15}, nil,
		"Gmail, Yahoo and many others refuse clients without confirmed reverse DNS."},

	{"session.lines", Session, Cost{Critical: grave}, nil,
		"Many servers refuse each message with a bare CR or LF."},
	{"session.dialogue", Session, Cost{Critical: grave, Warning: middle, Advice: little}, nil,
		"Strict servers hang up on clients that do not wait, or end commands wrongly."},
	{"session.sender", Session, Cost{Warning: 10, Advice: little}, nil,
		"Many servers refuse a sender whose domain takes no mail."},
	{"session.greeting", Session, Cost{Warning: 10}, nil,
		"Servers that let a moment pass before they greet hang up on who speaks in it."},
	{"session.name", Session, Cost{Warning: middle, Advice: little}, nil,
		"Servers refuse names that are none, and filters count those that lead elsewhere."},
	{"session.tls", Session, Cost{Warning: 5}, nil,
		"Gmail demands TLS, and readers see where it was missing."},

	{"message.freemail-from", Header, Cost{Critical: 30}, []string{"auth.dmarc"},
		"Mail in the name of a mailbox provider from elsewhere goes into the junk folder."},
	{"message.headers", Header, Cost{Critical: grave, Warning: middle, Advice: little}, nil,
		"Date must be there, and once; filters count other fields that are missing or stand twice."},
	{"message.date", Header, Cost{Critical: grave, Warning: middle, Advice: little}, nil,
		"Filters count a date that is none, or that lies hours off."},
	{"message.forged-results", Header, Cost{Warning: 10}, nil,
		"Results in the name of the receiver are what forgers bring along; some receivers refuse the mail."},
	{"message.unsubscribe", Header, Cost{Warning: 10}, nil,
		"Gmail and Yahoo demand one click of bulk mail; readers who find none press the spam button."},
	{"message.dkim-signature", Header, Cost{Warning: middle, Advice: little}, append([]string{"auth.dkim"}, unauthenticated...),
		"What the signature does not cover anybody may change."},
	{"message.reply-address", Header, Cost{Warning: middle, Advice: little}, nil,
		"Receivers look whether the author could be answered."},
	{"message.message-id", Header, Cost{Warning: middle, Advice: little}, []string{"message.headers"},
		"Filters count a Message-ID without a form or a domain."},

	{"message.lines", Body, Cost{Warning: middle}, []string{"session.lines"},
		"Strict hosts refuse lines that are too long and bare line ends; others break the signature by mending them."},
	{"message.mime", Body, Cost{Warning: middle}, nil,
		"Strict filters refuse a structure that is broken."},
	{"message.attachments", Body, Cost{Warning: 10}, nil,
		"Gmail and Outlook.com refuse such attachments."},
	{"message.charset", Body, Cost{Warning: middle}, nil,
		"Filters count text whose charset nobody can tell."},
	{"auth.size", Body, Cost{Warning: 10}, nil,
		"Many hosts refuse a message of that size."},
	{"message.active-content", Body, Cost{Advice: 5}, nil,
		"Filters take scripts, forms and frames for an attack."},
	{"message.links", Body, Cost{Advice: 4}, nil,
		"Addresses in links and public shorteners are what phishers use."},
	{"message.text-part", Body, Cost{Advice: little}, nil,
		"Some filters count HTML without text."},
	{"message.images", Body, Cost{Advice: little}, nil,
		"Some filters count mail that is an image."},
	{"message.html-size", Body, Cost{Advice: little}, nil,
		"Gmail clips it, with the way to unsubscribe at its end."},

	{"auth.tls", Way, Cost{Advice: 5}, []string{"session.tls"},
		"Gmail demands TLS of those who send to it."},
	{"message.received-path", Way, Cost{Advice: little}, nil,
		"A hop was slow, or in the clear."},
}
