package judge_test

import (
	"strings"
	"testing"
)

// What happened on the way is told where it is why no signature passes, and only
// there.
func TestStory(t *testing.T) {
	good := string(letter(t, "me@author.example", "author.example"))
	replaced := func(old, new string) string { return strings.Replace(good, old, new, 1) }
	second := string(letter(t, "me@author.example", "service.example"))
	header := second[:strings.Index(second, "\r\nFrom:")+2]
	for _, c := range []struct{ name, raw, want string }{
		{"nothing", good, ""},
		{"no signature", string(letter(t, "me@author.example", "")), ""},
		{"a footer", good + "_____\r\nthe \x1b cooks\r\n", `It was changed after it was signed: text was added at the end ("the \x1b cooks"). So the signature of author.example no longer fits: mailing lists and gateways with footers do that.`},
		{"a tag", replaced("Subject: ", "Subject: [cooks] "), `the subject got a tag ("[cooks]")`},
		{"both", replaced("Subject: ", "Subject: [cooks] ") + "the cooks\r\n", `text was added at the end ("the cooks") and the subject got a tag ("[cooks]")`},
		{"another word", replaced("hungry", "thirsty"), "its text was changed, in more than one place or in a way that cannot be undone here"},
		{"another date", replaced("11:59:00", "10:59:00"), "a header field that is signed is not what it was"},
		{"bare line ends", good[:strings.Index(good, "\r\n\r\n")+4] + strings.ReplaceAll(good[strings.Index(good, "\r\n\r\n")+4:], "\r\n", "\n"), "its line ends are not CRLF any more"},
		{"one of two passes", header + good + "", ""},
		{"none of two passes", header + replaced("hungry", "thirsty"), "the signature of author.example no longer fits"},
		{"no key", strings.Replace(replaced("hungry", "thirsty"), "s=s1", "s=s9", 1), ""},
	} {
		m, j := judgedAnyhow(t, []byte(c.raw))
		if got := j.Story(m); !strings.Contains(got, c.want) || (c.want == "") != (got == "") {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
