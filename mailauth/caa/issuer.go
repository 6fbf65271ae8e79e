package caa

import (
	"fmt"
	"net/url"
	"strings"
)

// An Issuer is the value of an issue or issuewild property: who may issue, and
// under which conditions (RFC 8659, 4.2).
type Issuer struct {
	Domain     string // the identifier of the CA in lower case; empty: nobody
	Parameters []Parameter
}

// A Parameter is one condition.
type Parameter struct{ Tag, Value string }

// Parameters that RFC 8657 defines.
const (
	accountURI        = "accounturi"
	validationMethods = "validationmethods"
)

// Get returns the value of the first parameter of that tag, which match without
// regard to case.
func (i Issuer) Get(tag string) (value string, ok bool) {
	for _, p := range i.Parameters {
		if strings.EqualFold(p.Tag, tag) {
			return p.Value, true
		}
	}
	return "", false
}

// Account is the only account that may have certificates issued (RFC 8657, 3);
// empty where any may.
func (i Issuer) Account() string {
	uri, _ := i.Get(accountURI)
	return uri
}

// Methods is the ACME challenges by which control has to be shown (RFC 8657, 4);
// empty where any will do.
func (i Issuer) Methods() []string {
	list, ok := i.Get(validationMethods)
	if !ok {
		return nil
	}
	return strings.Split(list, ",")
}

// unsatisfiable says why no request can meet the conditions (RFC 8657, 3); empty
// where some may.
func (i Issuer) unsatisfiable() string {
	var accounts []string
	for _, p := range i.Parameters {
		if strings.EqualFold(p.Tag, accountURI) {
			accounts = append(accounts, p.Value)
		}
	}
	switch {
	case len(accounts) > 1:
		return "it has more than one accounturi, which no account meets"
	case len(accounts) == 1 && !isURI(accounts[0]):
		return fmt.Sprintf("its accounturi %.60q is no URI, which no account meets", accounts[0])
	}
	return ""
}

func isURI(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Scheme != ""
}

// Issuer reads the value of an issue or issuewild property. One that is not
// well-formed permits nobody, which is what its problem says then (RFC 8659, 4.2).
func (r Record) Issuer() (Issuer, []Problem) {
	var i Issuer
	name, rest, more := strings.Cut(r.Value, ";")
	lead := len(name) - len(strings.TrimLeft(name, wsp))
	name = strings.Trim(name, wsp)
	if name != "" && !isDomain(name) {
		return Issuer{}, []Problem{{lead, Bars, fmt.Sprintf("%.60q is not the name of a CA, so that the property permits nobody%s", name, slip(name))}}
	}
	i.Domain = strings.ToLower(name)
	if !more {
		return i, nil
	}
	at := len(r.Value) - len(rest)
	for part := range strings.SplitSeq(rest, ";") {
		here := at + len(part) - len(strings.TrimLeft(part, wsp))
		at += len(part) + 1
		part = strings.Trim(part, wsp)
		if part == "" && at > len(r.Value) {
			break // parameters may end in a semicolon, and there need be none
		}
		parameter, why := parameterOf(part)
		if why != "" || len(i.Parameters) == maxParameters {
			return Issuer{}, []Problem{{here, Bars, fmt.Sprintf("%.60q is no parameter%s, so that the property permits nobody", part, why)}}
		}
		i.Parameters = append(i.Parameters, parameter)
	}
	return i, nil
}

const wsp = " \t"

// parameterOf reads tag = value; why says what is wrong.
func parameterOf(text string) (p Parameter, why string) {
	tag, value, ok := strings.Cut(text, "=")
	tag, value = strings.Trim(tag, wsp), strings.Trim(value, wsp)
	switch {
	case !ok:
		return p, ` (it has no "=")`
	case !isLabel(tag):
		return p, " (its name is not made of letters, digits and hyphens)"
	case strings.ContainsFunc(value, func(c rune) bool { return c <= ' ' || c > '~' }):
		return p, " (it has a space, or what is not ASCII)"
	}
	return Parameter{tag, value}, ""
}

// slip says what was meant by a name that is none.
func slip(name string) string {
	switch {
	case strings.Contains(name, "://"):
		return " (it is a URL)"
	case strings.HasSuffix(name, ".") && isDomain(strings.TrimSuffix(name, ".")):
		return " (it ends in a dot)"
	case strings.ContainsAny(name, wsp+","):
		return " (each CA has a record of its own)"
	case strings.Trim(name, `"'`) != name:
		return " (it is quoted twice)"
	}
	return ""
}

func isDomain(name string) bool {
	for label := range strings.SplitSeq(name, ".") {
		if !isLabel(label) {
			return false
		}
	}
	return true
}

// isLabel reports whether s is (ALPHA / DIGIT) *( *("-") (ALPHA / DIGIT)).
func isLabel(s string) bool {
	if s == "" || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for i := range len(s) {
		if !alnum(s[i]) && s[i] != '-' {
			return false
		}
	}
	return true
}
