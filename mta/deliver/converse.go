package deliver

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/maildoctor/maildoctor/mta/client"
	"github.com/maildoctor/maildoctor/probe"
	"github.com/maildoctor/maildoctor/record"
)

// converse holds one conversation with one address of a host, or two: where the
// handshake fails, and nothing asks for TLS, the second is in clear text. It
// returns nil where the transaction took place; its recipients then have their
// results.
func (a *attempt) converse(h Host, addr netip.Addr, p Policy, relay *Relay) *verdict {
	if a.goOn(h, addr, p, relay) {
		return nil
	}
	fault, handshake := a.hold(h, addr, p, relay, false)
	if handshake && p.Least == Clear && !a.exhausted() {
		fault, _ = a.hold(h, addr, p, relay, true)
	}
	if fault != nil {
		fault.host, fault.ip = h.Name, addr
	}
	return fault
}

// hold holds a conversation. handshake tells that it failed for that of TLS.
func (a *attempt) hold(h Host, addr netip.Addr, p Policy, relay *Relay, plain bool) (fault *verdict, handshake bool) {
	talk := a.Client
	to := a.target(h, addr, relay)
	if relay != nil && a.RelayRoots != nil {
		talk.Roots = a.RelayRoots
	}
	a.connects++
	k, err := talk.Connect(a.ctx, to)
	keep := false
	defer func() { a.leave(k, a.placeOf(h, addr, p, relay), p, 0, keep) }()
	if err != nil {
		if err.Kind == probe.NoRoute {
			a.connects-- // this machine has no such network, and nobody was bothered
		}
		return last(k, err), false
	}
	a.sessions++
	if err := k.Hello(); err != nil {
		return last(k, err), false
	}
	if relay == nil && !a.Routes.ToSelf && a.isOurs(k.ServerName()) {
		return ours(Permanent, 554, "5.4.6", "the host that answers is this one: mail for "+record.Display(a.report.Destination)+" loops back"), false
	}
	switch {
	case to.ImplicitTLS:
		if fault := a.judged(k, h, p); fault != nil {
			return fault, false
		}
	case !plain:
		if fault, handshake := a.secure(k, h, p); fault != nil {
			return fault, handshake
		}
	}
	if fault := a.ready(k, h, relay); fault != nil {
		return fault, false
	}
	keep = a.transact(k, h, addr, a.send(k)) && !plain
	return nil, false
}

// target is whom to connect to.
func (a *attempt) target(h Host, addr netip.Addr, relay *Relay) client.Target {
	to := client.Target{Host: record.Display(h.Name), Addr: addr, Port: a.Port}
	if relay != nil {
		to.Port, to.ImplicitTLS = relay.port(), relay.ImplicitTLS
	}
	return to
}

// last is a fault of a stage, with the reply to it.
func last(k *client.Conn, err *probe.Error) *verdict {
	var reply probe.Reply
	for _, step := range k.Session().Steps {
		if step.Err == err {
			reply = step.Reply
		}
	}
	return of(err.Stage, reply, err)
}

// isOurs reports whether a host gave our own name.
func (a *attempt) isOurs(name string) bool {
	return name != "" && a.Client.Name != "" && strings.EqualFold(strings.TrimSuffix(name, "."), strings.TrimSuffix(a.Client.Name, "."))
}

// secure begins TLS as the policy wants it.
func (a *attempt) secure(k *client.Conn, h Host, p Policy) (fault *verdict, handshake bool) {
	name := record.Display(h.Name)
	if _, offered := k.Offers("STARTTLS"); !offered {
		a.noteTLS(k, h, p, resultNoTLS, "STARTTLS is not offered")
		if p.Least == Clear {
			return nil, false
		}
		return ours(Temporary, 451, "4.7.4", fmt.Sprintf("%s does not offer STARTTLS; %s", name, p.Why)), false
	}
	err := k.StartTLS(client.TLS{Name: record.Display(p.name), Strict: p.Least >= Verified})
	switch {
	case err == nil:
	case k.Open(): // the command was refused
		a.noteTLS(k, h, p, resultNoTLS, "STARTTLS is refused")
		if p.Least == Clear {
			return nil, false
		}
		v := last(k, err)
		v.status = Temporary // of TLS, not of the message
		return v, false
	default:
		a.noteTLS(k, h, p, resultValidation, err.Error())
		v := last(k, err)
		v.status = Temporary
		v.text += "; " + p.Why
		return v, err.Stage == probe.StageTLS
	}
	if fault := a.judged(k, h, p); fault != nil {
		return fault, false
	}
	if err := k.Hello(); err != nil {
		return last(k, err), false
	}
	return nil, false
}

// judged holds what the handshake showed against the policy.
func (a *attempt) judged(k *client.Conn, h Host, p Policy) *verdict {
	shown := k.Session().TLS
	fault, result := p.judge(shown, a.now())
	if fault != "" {
		a.noteTLS(k, h, p, result, fault)
		return ours(Temporary, 451, "4.7.5", fmt.Sprintf("%s; %s", fault, p.Why))
	}
	if p.sts != nil && p.Source != STS { // in test: it is told, and nothing else
		if fault, result = certificate(shown); fault == "" && !p.sts.Matches(h.Name) {
			fault, result = "the policy does not name the host", resultValidation
		}
	}
	a.noteTLS(k, h, p, result, fault)
	return nil
}

// noteTLS adds a conversation to the TLS report.
func (a *attempt) noteTLS(k *client.Conn, h Host, p Policy, result, reason string) {
	if a.via != "" || h.Name == "" {
		return
	}
	a.tls(p, h, result, reason, func(r *TLSResult) {
		r.Local, r.Receiver, r.HELO = k.Local(), k.Session().Target.Addr, k.ServerName()
	})
}

// ready sees to all that comes before MAIL: the login, and whether the host offers
// what the message needs.
func (a *attempt) ready(k *client.Conn, h Host, relay *Relay) *verdict {
	if relay != nil && relay.User != "" {
		if err := k.Authenticate(relay.User, relay.Password); err != nil {
			return a.noLogin(k, err)
		}
	}
	return a.offered(k, h)
}

// offered reports what the message needs and the host does not offer.
func (a *attempt) offered(k *client.Conn, h Host) *verdict {
	name := record.Display(h.Name)
	size, _ := k.Offers("SIZE")
	most, err := strconv.ParseInt(strings.TrimSpace(size), 10, 64)
	switch {
	case a.mail.RequireTLS && !offers(k, "REQUIRETLS"):
		return ours(Permanent, 550, "5.7.30", "the sender requires TLS all the way (REQUIRETLS), which "+name+" does not offer to see to")
	case err == nil && most > 0 && a.mail.Size > most: // RFC 1870, 6.1
		return ours(Permanent, 552, "5.3.4", fmt.Sprintf("the message has %d octets, and %s takes %d", a.mail.Size, name, most))
	case a.mail.SMTPUTF8 && !offers(k, "SMTPUTF8"): // RFC 6531, 3.2 and 3.5
		return ours(Permanent, 550, "5.6.7", "an address or the header is not ASCII, and "+name+" does not offer SMTPUTF8")
	case a.mail.EightBit && !offers(k, "8BITMIME"): // RFC 6152, 3: converting it would break its signature
		return ours(Permanent, 554, "5.6.3", "the message has octets that are not ASCII, and "+name+" does not offer 8BITMIME")
	}
	return nil
}

func offers(k *client.Conn, keyword string) bool {
	_, offered := k.Offers(keyword)
	return offered
}

// noLogin is temporary, whatever the relay says: somebody has to mend our settings,
// and the mail is not lost until then.
func (a *attempt) noLogin(k *client.Conn, err *probe.Error) *verdict {
	v := last(k, err)
	text := fmt.Sprintf("the relay %s does not let us log in: %s", a.via, v.text)
	if v.said {
		text = fmt.Sprintf("the relay %s does not let us log in: %d %s", a.via, v.code, v.text)
	}
	out := ours(Temporary, 454, "4.7.0", text)
	out.stage = probe.StageAuth
	return out
}

// send sends the message to everybody who is open.
func (a *attempt) send(k *client.Conn) []client.Answer {
	mail := a.mail
	mail.Rcpts = nil
	for _, i := range a.open {
		mail.Rcpts = append(mail.Rcpts, a.rcpts[i])
	}
	return k.Send(mail)
}

// transact gives everybody who is open their results. Who was refused for now stays
// open for the next host, unless the message may have been taken: it would come
// twice. It reports whether somebody was delivered to.
func (a *attempt) transact(k *client.Conn, h Host, addr netip.Addr, answers []client.Answer) (delivered bool) {
	var open []int
	for n, i := range a.open {
		v := ofAnswer(answers[n])
		v.host, v.ip = h.Name, addr
		a.set(i, v)
		a.report.Results[i].DSN = v.status == Delivered && offers(k, "DSN")
		delivered = delivered || v.status == Delivered
		if v.status == Temporary && !v.maybe {
			open = append(open, i)
		}
	}
	a.open = slices.Clip(open)
	if delivered && a.via == "" && h.Name != "" && a.Memory != nil {
		a.Memory.Reached(a.report.Destination, levelOf(k.Session().TLS), a.now())
	}
	return delivered
}
