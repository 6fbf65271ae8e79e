package migration

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/desired"
	"github.com/maildoctor/maildoctor/mailauth/mtasts"
	"github.com/maildoctor/maildoctor/record"
)

// step is a step without its plan and time.
func (b *builder) step(id string) Step {
	s := Step{ID: id}
	switch id {
	case LowerTTLs:
		s.Title, s.Why = "Lower the TTLs of what will change", "resolvers would lead senders and mail programs to the old server for as long as the TTL says, and a switch could not be taken back"
		s.Rollback = "The plan's inverse restores the TTLs. It is safe at any time."
	case Prepare:
		s.Title, s.Why = fmt.Sprintf("Publish what %s needs, and let both sides send", b.newOr()), "mail of the new server would fail SPF and DKIM where its key and its address are not known yet, or where a resolver remembers that they were not"
		s.Before, s.After = []string{BlockLookups, BlockSenders}, []string{"spf.single-record", "spf.lookup-limit", "dkim.record-syntax", BlockKeys}
		s.Rollback = "The plan's inverse takes it back. It is safe until the new server has sent mail."
		for _, name := range b.sameKey {
			s.Tasks = append(s.Tasks, fmt.Sprintf("Give the new server the private key of %s, or let it sign under another selector: one selector has one key.", record.Display(name)))
		}
	case Policies:
		s.Title, s.Why = "Let the policies fit both sides", "senders that remember a policy or a certificate of the old server would refuse to deliver to the new one, and a strict DMARC policy would turn a missing signature into lost mail"
		s.After = []string{"dmarc.single-record", "mtasts.policy-fetch", "mtasts.record", "dane.rollover-record"}
		s.Rollback = "The plan's inverse takes it back. It is safe before the switch; after it, senders need the policies that name both sides."
	case Rehearse:
		s.Title, s.Why = "Rehearse at the new server", "a mailbox that was forgotten bounces on the day of the switch"
		s.Tasks = b.rehearsal()
		s.Before = []string{BlockHost, BlockRelay, BlockDomain}
		s.Rollback = "Nothing changes."
	case SwitchMX:
		s.Title, s.Why = b.switchTitle(), "mail would go on by way of the old server"
		if !b.leadsMail() && !b.relayed() {
			s.Why = "mail programs would go on asking the old server"
		}
		if b.relayed() {
			s.Why = "mail would go on from the server's own address, past the relay"
		}
		s.Before = []string{BlockPolicy, BlockTTL, BlockTLSA, BlockKeys, BlockAlignment, BlockHost, BlockDNSSEC}
		s.After = []string{"mx.exists", "mx.resolves", "smtp.port25-inbound", "smtp.starttls", "ptr.forward-confirmed", "mtasts.mx-covered", "dane.chain-match"}
		s.Tasks = b.switchTasks()
		if b.relayed() {
			s.After = []string{"spf.single-record", "dkim.record-syntax"}
			s.Rollback = "Let the server send by itself again: it may, until its key and its address are taken out."
			break
		}
		s.Rollback = fmt.Sprintf("The plan's inverse leads senders back to %s, which takes mail until the step %s: safe until then, and to be had within %s. Mail that the new server took meanwhile stays there and has to be copied.", b.Old.Name, Retire, Span(lowTTL*time.Second))
	case Watch:
		s.Title, s.Why = "Watch until nobody goes to the old server", "some resolvers and senders keep to the old address longer than they should; their mail is lost if the old server is off"
		s.Tasks = []string{
			fmt.Sprintf("Leave %s running and taking mail. Copy what still comes there.", b.Old.Name),
			"Follow the servers and resolvers with maildoctor migrate watch.",
			"Read the DMARC reports (maildoctor dmarc report): mail of the new side is aligned, and no sender is there that nobody knows.",
		}
		s.Rollback = "As of the step before."
		if b.relayed() {
			s.Title, s.Why = "Watch the first days", "mail that the relay does not sign or does not take would be missed by nobody until it is asked for"
			s.Tasks = []string{
				"Look at the queue of the server, and at what the relay refuses, each day.",
				"Read the DMARC reports (maildoctor dmarc report): mail by the relay is aligned, and no sender is there that nobody knows.",
			}
		}
	case Retire:
		s.Title, s.Why = fmt.Sprintf("Retire %s", b.Old.Name), "whoever has the old address one day could send as the domain"
		if len(b.Old.Services) > 0 {
			s.Why = "all other customers of the old provider could go on sending as the domain"
		}
		s.Before, s.After = []string{BlockSenders}, []string{"spf.single-record", "spf.authorises-ip", "mtasts.mx-unused"}
		s.Tasks = []string{fmt.Sprintf("Stop sending by %s: see that its queue is empty. Keep its mailboxes until everything is copied.", b.Old.Name)}
		s.Rollback = "The plan's inverse lets the old side send again. It is safe as long as its account and its key exist."
	case Strengthen:
		s.Title, s.Why = "Have the policies as strong as is wanted", "what is wanted of the policies does not hold yet"
		if b.eases {
			s.Why = "the domain can be forged for as long as DMARC asks receivers for nothing"
		}
		s.Before = []string{"dkim.record-syntax", "spf.authorises-ip"}
		s.After = []string{"dmarc.single-record", "dmarc.policy-none"}
		s.Tasks = []string{"Look through the reports since the switch first: all mail of yours passes aligned."}
		s.Rollback = "The plan's inverse eases the policy again, at any time; receivers see it when the TTL is over."
	case RaiseTTLs:
		s.Title, s.Why = "Raise the TTLs, and remove what is left", "short TTLs cost every sender a question; keys of a provider that is left let it sign as the domain"
		s.After = []string{"dkim.selector-found"}
		s.Rollback = "The plan's inverse. Close the account at the old provider after this, not before."
	}
	return s
}

// newOr is the new side, or what of it is new.
func (b *builder) newOr() string {
	if slices.Equal(b.Old.Hosts, b.New.Hosts) && len(b.wishes[SwitchMX]) == 0 {
		return b.relay()
	}
	return b.New.Name
}

func (b *builder) switchTitle() string {
	if b.relayed() {
		return fmt.Sprintf("Send through %s", b.relay())
	}
	if !b.leadsMail() {
		return fmt.Sprintf("Lead mail programs to %s", b.New.Name)
	}
	return fmt.Sprintf("Lead mail to %s", b.New.Name)
}

// relay is by what the new side sends and the old one does not, for a reader.
func (b *builder) relay() string {
	var names []string
	for _, s := range b.New.Services {
		used := slices.ContainsFunc(b.Before, func(r record.Record) bool { return ServiceOf(r, b.Domain) == s })
		if service, ok := desired.FindService(s); ok && !service.Receives && !used {
			names = append(names, service.Title)
		}
	}
	if len(names) == 0 {
		return b.New.Name
	}
	return strings.Join(names, " and ")
}

func (b *builder) switchTasks() []string {
	if b.relayed() {
		return []string{"Make the relay the way by which the server sends, and send a mail to each of a few big receivers: see that SPF and DKIM pass aligned."}
	}
	return []string{
		"Copy the mailboxes once before (imapsync, or the import of the new server), and once more after this step.",
		"Tell people the names of the new server, if their mail programs do not find them by themselves.",
	}
}

func (b *builder) rehearsal() []string {
	if b.relayed() {
		return []string{"Send a test mail through the relay, signed, to a mailbox elsewhere (maildoctor e2e --via): SPF and DKIM pass aligned."}
	}
	return []string{
		"Ask the new server for every mailbox and alias (maildoctor migrate rehearse with the list of them).",
		"Send a test mail through the new server, signed, to a mailbox elsewhere (maildoctor e2e --via): SPF and DKIM pass aligned.",
	}
}

// idle is why a step is left out.
func (b *builder) idle(id string) string {
	switch id {
	case LowerTTLs:
		return "no TTL of what is switched has to be lowered"
	case Prepare:
		return "both sides may send already, and their keys are there"
	case Policies:
		return "no policy stands against either side"
	case SwitchMX:
		return "senders find the new server already"
	case Rehearse, Watch:
		return "nothing is switched"
	case Retire:
		return "the old side may not send any more already"
	case Strengthen:
		return "the policies stay as they are"
	}
	return "nothing is left to remove, and no TTL to raise"
}

// schedule gives each step its time and its wait.
func (b *builder) schedule(m *Move) {
	for i := range m.Steps {
		s := &m.Steps[i]
		s.Wait, s.WaitFor = b.wait(*m, *s)
	}
	before := time.Duration(0) // from here back to the switch
	for i := len(m.Steps) - 1; i >= 0; i-- {
		s := &m.Steps[i]
		switch s.ID {
		case Rehearse:
			s.Offset = rehearseDay
			before = -rehearseDay
		case Policies, Prepare:
			before = max(before+day, days(s.Wait))
			s.Offset = -before
		case LowerTTLs:
			before = max(before+day, days(s.Wait), -lowerDay)
			s.Offset = -before
		}
	}
	after := time.Duration(0)
	for i := range m.Steps {
		s := &m.Steps[i]
		switch s.ID {
		case Retire:
			after = max(after+day, retireDay)
			s.Offset = after
		case Strengthen:
			after = max(after+day, strengthenDay)
			s.Offset = after
		case RaiseTTLs:
			after = max(after+day, raiseDay)
			s.Offset = after
		case Watch:
			after = max(after, days(s.Wait))
		}
	}
	m.Switch = b.Switch
	if m.Switch.IsZero() && len(m.Steps) > 0 {
		m.Switch = m.Begun.Add(max(0, -m.Steps[0].Offset))
	}
}

// wait is how long a step has to stand, and what that follows from.
func (b *builder) wait(m Move, s Step) (time.Duration, string) {
	switch s.ID {
	case Rehearse, Retire, Strengthen, RaiseTTLs:
		return 0, ""
	case Watch:
		if b.relayed() {
			return queueLife, "the server tries its old queue for 5 days (RFC 5321, 4.5.4.1)"
		}
		wait, why := b.forgotten(m, SwitchMX)
		return wait + queueLife, fmt.Sprintf("%s; then what is on its way to the old server is tried for 5 days (RFC 5321, 4.5.4.1)", why)
	}
	wait, why := b.forgotten(m, s.ID)
	if s.ID == Policies && b.remembered() && b.servedAge() > wait {
		wait = b.servedAge()
		why = fmt.Sprintf("senders may keep to the policy of today for its max_age of %s (RFC 8461, 3.2)", Span(wait))
	}
	return wait, why
}

// remembered reports whether senders remember a policy that lets them deliver to
// no host of the new side.
func (b *builder) remembered() bool {
	return b.Served != nil && b.Served.Mode == mtasts.Enforce && slices.ContainsFunc(b.New.Hosts, func(h string) bool { return !b.Served.Matches(h) })
}

func (b *builder) servedAge() time.Duration {
	return time.Duration(min(b.Served.MaxAge, mtasts.MaxAge)) * time.Second
}

// forgotten is when resolvers have forgotten what was before a step.
func (b *builder) forgotten(m Move, id string) (time.Duration, string) {
	s := m.Step(id)
	if s == nil || s.Plan.Empty() {
		return 0, ""
	}
	var longest time.Duration
	var what string
	for _, c := range s.Plan.Changes {
		if len(c.Before) == 0 && id == SwitchMX {
			continue // who does not find it goes the old way
		}
		if id == Prepare && !judged(c.Slot) {
			continue
		}
		ttl := time.Duration(b.Negative) * time.Second
		text := fmt.Sprintf("resolvers remember for %s that %s was not there (RFC 2308, 5)", Span(ttl), record.Display(c.Slot.Name))
		if len(c.Before) > 0 {
			ttl = min(time.Duration(or(ttlOf(c.Before), usualTTL))*time.Second, mostTTL)
			text = fmt.Sprintf("resolvers keep the %s of %s for %s", called(c.Slot), record.Display(c.Slot.Name), Span(ttl))
		}
		if ttl > longest {
			longest, what = ttl, text
		}
	}
	return longest, what
}

// judged reports whether receivers judge mail by what stands in a slot.
func judged(s record.Slot) bool {
	return s.Type == "A" || s.Type == "AAAA" || strings.EqualFold(s.Tag, "v=spf1") || strings.Contains(s.Name, "._domainkey.")
}

// called is what stands in a slot, for a reader.
func called(s record.Slot) string {
	switch strings.ToLower(s.Tag) {
	case "v=spf1":
		return "SPF record"
	case "v=dmarc1":
		return "DMARC record"
	case "v=stsv1":
		return "MTA-STS record"
	}
	return s.Type + " records"
}

// days is d in whole days, rounded up.
func days(d time.Duration) time.Duration { return (d + day - 1) / day * day }

// Span is a duration in words: "5 minutes", "2 days".
func Span(d time.Duration) string {
	unit := func(n time.Duration, name string) string {
		if n == 1 {
			return "1 " + name
		}
		return fmt.Sprintf("%d %ss", n, name)
	}
	switch {
	case d.Round(time.Hour) == day:
		return "1 day"
	case d >= 2*day:
		return unit(d.Round(day)/day, "day")
	case d >= 2*time.Hour:
		return unit(d.Round(time.Hour)/time.Hour, "hour")
	case d >= time.Hour && d.Round(time.Minute) == time.Hour:
		return "1 hour"
	case d >= 2*time.Minute:
		return unit(d.Round(time.Minute)/time.Minute, "minute")
	}
	return unit(d/time.Second, "second")
}
