package dkim

import (
	"mime"
	"regexp"
	"strings"
	"sync"

	"github.com/maildoctor/maildoctor/message"
)

// A value is another value that a field may have had.
type value struct {
	text string // unfolded
	kind ChangeKind
	why  string
}

// values are those that relays and lists are known to replace.
func (e *headerExplainer) values(f message.Field) []value {
	is := f.Unfolded()
	var list []value
	switch strings.ToLower(f.Name) {
	case "subject":
		for _, was := range untagged(is) {
			list = append(list, value{was, SubjectTag, "a tag was put into %s"})
		}
		list = append(list, e.saved("X-Original-Subject", "Original-Subject", "X-Old-Subject")...)
	case "from":
		list = append(list, e.saved("X-Original-From", "X-Google-Original-From", "X-Mailman-Original-From", "Original-From", "X-Original-Sender", "Reply-To", "X-X-Sender", "Sender", "Cc")...)
		list = append(list, e.behind(is)...)
	case "to", "cc", "reply-to", "sender", "date", "message-id":
		list = append(list, e.saved("X-Original-"+f.Name, "Original-"+f.Name, "X-Mailman-Original-"+f.Name, "X-Google-Original-"+f.Name)...)
	case "content-type":
		list = append(list, e.moved(f.Name)...)
	case "content-transfer-encoding":
		list = append(list, e.moved(f.Name)...)
		for _, was := range []string{"8bit", "7bit", "quoted-printable", "base64", "binary"} {
			list = append(list, value{was, Recoded, "%s was changed by a relay"})
		}
	}
	for _, was := range requoted(is) {
		list = append(list, value{was, Requoted, "quotes in %s were added or dropped"})
	}
	if recoded := recodedWords(is); recoded != is {
		list = append(list, value{recoded, Recoded, "the encoding of %s was changed (RFC 2047)"})
	}
	return list
}

// saved are values that other fields keep: lists leave the author's there.
func (e *headerExplainer) saved(names ...string) []value {
	var list []value
	for _, name := range names {
		for _, f := range e.x.m.All(name) {
			text := f.Unfolded()
			list = append(list, value{text, Rewritten, "%s was rewritten"})
			if addresses, _ := f.Addresses(); len(addresses) == 1 && addresses[0].Text != text {
				list = append(list, value{addresses[0].Text, Rewritten, "%s was rewritten"})
			}
			if len(list) > 20 {
				return list
			}
		}
	}
	return list
}

// moved is the value of a field in the first part: who wraps a body into a
// multipart moves its Content fields there.
func (e *headerExplainer) moved(name string) []value {
	for _, f := range e.x.firstPart() {
		if f.Is(name) {
			return []value{{f.Unfolded(), Rewritten, "%s was rewritten when the body was put into a multipart"}}
		}
	}
	return nil
}

var via = lazily(`(?i)^"?'?([^"<>]{1,100}?)'? via [^<>]*<`)

// behind are the authors that a From like "Anna via list" may have had: the
// addresses that the list left elsewhere, under the name in front of the via.
func (e *headerExplainer) behind(from string) []value {
	m := via().FindStringSubmatch(from)
	if m == nil {
		return nil
	}
	var list []value
	for _, name := range []string{"Reply-To", "Cc", "X-Original-From", "X-Original-Sender"} {
		for _, f := range e.x.m.All(name) {
			addresses, _ := f.Addresses()
			for _, a := range addresses[:min(len(addresses), 5)] {
				for _, was := range []string{m[1] + " <" + a.Text + ">", `"` + m[1] + `" <` + a.Text + ">"} {
					list = append(list, value{was, Rewritten, "%s was rewritten"})
				}
			}
			if len(list) > 20 {
				return list
			}
		}
	}
	return list
}

var (
	answers = `(?i:(?:(?:re|fwd?|aw|wg|sv|vs|antw|ref|r|tr|enc)(?:\[\d+\])?:\s*)*)`
	marked  = lazily(`^(` + answers + `)(?:\[[^\[\]]{1,80}\]|\*{2,}[^*]{1,40}\*{2,}|\{[^{}]{1,40}\}|<[^<>]{1,40}>|\([^()]{1,40}\)|[A-Z][A-Z -]{2,20}:)\s*(.*)$`)
	coded   = lazily(`^(=\?[^?]{1,40}\?[qQ]\?)(?:\[|=5B).{1,80}?(?:\]|=5D)_?(.*)$`)
)

// untagged are the subjects that a tag may have been put into: "[list] x",
// "Re: [list] x", "***SPAM*** x", "EXTERNAL: x", several of them.
func untagged(subject string) []string {
	var list []string
	for range 3 {
		m := marked().FindStringSubmatch(subject)
		if m == nil {
			break
		}
		subject = m[1] + m[2]
		list = append(list, subject)
		if lead := strings.TrimSpace(m[1]); lead != "" && m[2] != "" { // the list moved "Re:" to the front, or added it
			list = append(list, lead+" "+m[2], m[2])
		}
	}
	if m := coded().FindStringSubmatch(subject); m != nil {
		list = append(list, m[1]+m[2])
	}
	return list
}

var quotedName = lazily(`^"([^"\\]{1,200})"\s*<`)

// requoted is a value with the quotes of a display name or of parameters dropped
// or added.
func requoted(is string) []string {
	var list []string
	if m := quotedName().FindStringSubmatch(is); m != nil {
		list = append(list, m[1]+strings.TrimPrefix(is, `"`+m[1]+`"`))
	} else if i := strings.IndexByte(is, '<'); i > 0 && !strings.ContainsAny(is[:i], `"=,`) {
		list = append(list, `"`+strings.TrimRight(is[:i], " ")+`" `+is[i:])
	}
	if strings.Contains(is, `="`) {
		list = append(list, parameter().ReplaceAllString(is, "=$1"))
	} else if strings.Contains(is, ";") && strings.Contains(is, "=") {
		list = append(list, bare().ReplaceAllString(is, `="$1"`))
	}
	if strings.HasPrefix(is, "<") && strings.HasSuffix(is, ">") {
		list = append(list, is[1:len(is)-1])
	}
	return list
}

var (
	parameter = lazily(`="([A-Za-z0-9._+-]{1,100})"`)
	bare      = lazily(`=([A-Za-z0-9._+-]{1,100})`)
)

// recodedWords is a value with its encoded words decoded, or with its octets
// beyond ASCII as encoded words.
func recodedWords(is string) string {
	if strings.Contains(is, "=?") {
		return message.NewField("X", is).Text()
	}
	for i := range len(is) {
		if is[i] > '~' {
			return mime.QEncoding.Encode("utf-8", is)
		}
	}
	return is
}

// lazily is the expression of a pattern, which is compiled when it is first used:
// most runs of the program never do.
func lazily(pattern string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(pattern) })
}
