package smtpd

import (
	"slices"
	"strconv"
	"strings"
)

// param is a parameter of MAIL or RCPT (RFC 5321, 4.1.1.11).
type param struct{ key, value string }

// parseParams reads what follows a path: nothing, or parameters behind spaces.
func parseParams(s string) ([]param, bool) {
	if s != "" && s[0] != ' ' {
		return nil, false
	}
	var list []param
	for _, word := range strings.Fields(s) {
		key, value, has := strings.Cut(word, "=")
		key = strings.ToUpper(key)
		twice := slices.ContainsFunc(list, func(p param) bool { return p.key == key })
		if key == "" || has && value == "" || twice || !isKeyword(key) || strings.Contains(value, "=") {
			return nil, false
		}
		list = append(list, param{key, value})
	}
	return list, true
}

func isKeyword(s string) bool {
	for i := range len(s) {
		if !isAlnum(s[i]) && (s[i] != '-' || i == 0) {
			return false
		}
	}
	return true
}

func badParam(p param) *Reply {
	return &Reply{501, "5.5.4", "The value of the parameter " + p.key + " is wrong"}
}

// unknownParam is the answer to what was not offered (RFC 5321, 4.1.1.11).
func unknownParam(p param) *Reply {
	return &Reply{555, "5.5.4", "The parameter " + p.key[:min(len(p.key), 40)] + " is not known here"}
}

// noteUnoffered notes a parameter in a session that was offered nothing.
func (s *session) noteUnoffered(p param) {
	if !s.seen.Extended {
		s.note(NotOffered, 1, p.key)
	}
}

// mailParam sets a parameter of MAIL.
func (s *session) mailParam(tx *transaction, p param) *Reply {
	s.noteUnoffered(p)
	env, offer := &tx.env, s.srv.c.Offer
	value := strings.ToUpper(p.value)
	switch {
	case p.key == "SIZE": // RFC 1870
		size, err := strconv.ParseUint(p.value, 10, 63)
		if err != nil {
			if len(p.value) <= 20 && isDigits(p.value) { // as many as RFC 1870, 6.1 has
				return replyTooBig
			}
			return badParam(p)
		}
		if int64(size) > s.srv.limits.MessageBytes {
			return replyTooBig
		}
		tx.size = int64(size)
	case p.key == "BODY": // RFC 6152
		if value != "7BIT" && value != "8BITMIME" {
			return badParam(p) // BINARYMIME is not offered (RFC 3030, 3)
		}
		env.Body = value
	case p.key == "SMTPUTF8": // RFC 6531
		if p.value != "" {
			return badParam(p)
		}
		env.SMTPUTF8 = true
	case p.key == "AUTH" && s.seen.Port != MX: // RFC 4954, 5: taken, not trusted
	case p.key == "REQUIRETLS" && offer.RequireTLS && s.seen.TLS.Used: // RFC 8689
		if p.value != "" {
			return badParam(p)
		}
		env.RequireTLS = true
	case p.key == "RET" && offer.DSN: // RFC 3461, 4.3
		if value != "FULL" && value != "HDRS" {
			return badParam(p)
		}
		env.Ret = value
	case p.key == "ENVID" && offer.DSN: // RFC 3461, 4.4
		if len(p.value) > 100 || !isXtext(p.value) {
			return badParam(p)
		}
		env.EnvID = p.value
	default:
		s.note(NotOffered, 1, p.key)
		return unknownParam(p)
	}
	return nil
}

// rcptParam reads a parameter of RCPT.
func (s *session) rcptParam(notify *[]string, orcpt *string, p param) *Reply {
	s.noteUnoffered(p)
	switch {
	case p.key == "NOTIFY" && s.srv.c.Offer.DSN: // RFC 3461, 4.1
		words := strings.Split(strings.ToUpper(p.value), ",")
		for i, word := range words {
			known := slices.Contains([]string{"SUCCESS", "FAILURE", "DELAY"}, word) || word == "NEVER" && len(words) == 1
			if !known || slices.Contains(words[:i], word) {
				return badParam(p)
			}
		}
		*notify = words
	case p.key == "ORCPT" && s.srv.c.Offer.DSN: // RFC 3461, 4.2
		kind, addr, ok := strings.Cut(p.value, ";")
		utf8 := strings.EqualFold(kind, "utf-8") // RFC 6533, 3
		if !ok || len(p.value) > 500 || !isKeyword(kind) || kind == "" || !utf8 && !isXtext(addr) || addr == "" {
			return badParam(p)
		}
		*orcpt = p.value
	default:
		s.note(NotOffered, 1, p.key)
		return unknownParam(p)
	}
	return nil
}

func isDigits(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' })
}

// isXtext reports whether s is xtext (RFC 3461, 4): printable ASCII without "=",
// and "+" before two hexadecimal digits in upper case.
func isXtext(s string) bool {
	hex := func(i int) bool { return i < len(s) && strings.IndexByte("0123456789ABCDEF", s[i]) >= 0 }
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c > '~' || c == '=' || c == '+' && !(hex(i+1) && hex(i+2)) {
			return false
		}
	}
	return s != ""
}
