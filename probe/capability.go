package probe

import (
	"slices"
	"strings"
)

// Capabilities is what a host offered mail programs before TLS, in upper case:
// "AUTH PLAIN LOGIN", "LOGINDISABLED", "SASL PLAIN". told is false where it did
// not say, as with TLS from the first octet.
func (s Session) Capabilities() (list []string, told bool) {
	if s.Target.ImplicitTLS {
		return nil, false
	}
	stage := map[Service]Stage{Relay: StageEHLO, Submission: StageEHLO, IMAP: StageCapability, POP3: StageCapability, ManageSieve: StageBanner}[s.Target.Service]
	step, ok := s.Step(stage)
	if !ok || step.Err != nil {
		return nil, false
	}
	switch s.Target.Service {
	case IMAP:
		for _, line := range step.Reply.Lines {
			words := strings.Fields(strings.ToUpper(line))
			if len(words) > 1 && words[0] == "*" && words[1] == "CAPABILITY" {
				list = append(list, words[2:]...)
			}
		}
	case POP3:
		for _, line := range step.Reply.Lines[1:] {
			list = append(list, strings.ToUpper(line))
		}
	case ManageSieve:
		for _, line := range step.Reply.Lines {
			list = append(list, strings.ToUpper(strings.ReplaceAll(line, `"`, "")))
		}
	default:
		for _, line := range step.Extensions() {
			list = append(list, strings.ToUpper(line))
		}
	}
	return list, true
}

// OffersTLS reports whether the host offered to begin TLS.
func (s Session) OffersTLS() bool {
	list, _ := s.Capabilities()
	keyword := "STARTTLS"
	if s.Target.Service == POP3 {
		keyword = "STLS" // RFC 2595, 4
	}
	return slices.ContainsFunc(list, func(c string) bool { return strings.TrimSpace(c) == keyword })
}

// secrets are the SASL mechanisms that send the password, or what is as good, as
// it is.
var secrets = []string{"PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER"}

// LoginInClear is the offer by which a mail program would send its password in
// clear text: "AUTH=PLAIN"; empty where there is none, or where the host did not
// say what it offers.
func (s Session) LoginInClear() string {
	list, told := s.Capabilities()
	if !told {
		return ""
	}
	for _, c := range list {
		words := strings.FieldsFunc(c, func(r rune) bool { return r == ' ' || r == '=' })
		if len(words) == 0 {
			continue
		}
		switch words[0] {
		case "AUTH", "SASL":
			for _, mechanism := range words[1:] {
				if slices.Contains(secrets, mechanism) {
					return words[0] + " " + mechanism
				}
			}
		case "USER": // RFC 2449, 6.3
			if s.Target.Service == POP3 {
				return "USER"
			}
		}
	}
	// Without LOGINDISABLED the command LOGIN is there (RFC 9051, 6.2.3).
	if s.Target.Service == IMAP && !slices.Contains(list, "LOGINDISABLED") {
		return "LOGIN"
	}
	return ""
}
