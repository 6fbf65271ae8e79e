package probe

import "slices"

// transact begins a mail transaction for each envelope, asks for its recipients
// and resets it, and then has names verified. Nothing is ever sent. VRFY and EXPN
// come last: some hosts hang up on whoever tries them.
func (c *conversation) transact() {
	_, pipelining := c.session.Extension("PIPELINING")
	for _, group := range c.groups(pipelining) {
		if len(group) > 1 {
			c.ask(c.limits.Command, group...)
		} else if cmd := group[0]; cmd.stage != StageRcpt || c.mailAccepted() {
			c.ask(c.limits.Command, cmd)
		}
		if !c.open() {
			return
		}
	}
}

// mailAccepted reports whether the last MAIL was: without it RCPT is out of order.
func (c *conversation) mailAccepted() bool { return c.session.Done(StageMail) }

// groups is the commands, those together that go out at once: each alone or,
// with PIPELINING, as many as may be. VRFY and EXPN end a group (RFC 2920, 3.1).
func (c *conversation) groups(pipelining bool) [][]command {
	var list []command
	for _, e := range c.session.Target.Envelopes {
		list = append(list, command{StageMail, "MAIL FROM:<" + e.From + ">", []int{250}})
		for _, rcpt := range e.Rcpts {
			list = append(list, command{StageRcpt, "RCPT TO:<" + rcpt + ">", []int{250, 251}})
		}
		list = append(list, command{StageReset, "RSET", []int{250}})
	}
	if name := c.session.Target.Verify; name != "" {
		list = append(list, command{StageVerify, "VRFY " + name, []int{250, 251, 252}})
		if _, listed := c.session.Extension("EXPN"); listed {
			list = append(list, command{StageVerify, "EXPN " + name, []int{250, 252}})
		}
	}
	var groups [][]command
	ended := true
	for _, cmd := range slices.DeleteFunc(list, func(cmd command) bool { return !c.wants(cmd.stage) }) {
		if ended || !pipelining {
			groups = append(groups, nil)
		}
		last := len(groups) - 1
		groups[last] = append(groups[last], cmd)
		ended = cmd.stage == StageVerify
	}
	return groups
}
