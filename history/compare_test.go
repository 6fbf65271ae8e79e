package history_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/history"
)

// read makes a report of lines: "fail ID subject severity message", "doubt ID subject",
// "pass ID", "skip ID cause".
func read(t *testing.T, text string) diagnosis.Report {
	t.Helper()
	r := diagnosis.Report{Domain: "example.org", At: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)}
	at := make(map[string]int)
	for _, line := range strings.Split(text, "\n") {
		words := strings.Fields(line)
		if len(words) < 2 {
			continue
		}
		i, ok := at[words[1]]
		if !ok {
			i = len(r.Results)
			at[words[1]] = i
			r.Results = append(r.Results, diagnosis.Result{Rule: diagnosis.Rule{ID: words[1]}})
		}
		result := &r.Results[i]
		switch words[0] {
		case "fail":
			f := diagnosis.Finding{Subject: words[2], Message: words[4]}
			if err := f.Severity.UnmarshalText([]byte(words[3])); err != nil {
				t.Fatal(err)
			}
			result.Findings = append(result.Findings, f)
			result.Outcome, result.Severity = diagnosis.Failed, max(result.Severity, f.Severity)
		case "doubt":
			result.Doubts = append(result.Doubts, diagnosis.Doubt{Subject: words[2], Reason: "SERVFAIL"})
			if len(result.Findings) == 0 {
				result.Outcome, result.Reason = diagnosis.Unknown, "SERVFAIL"
			}
		case "skip":
			result.Outcome, result.Cause, result.Reason = diagnosis.Skipped, words[2], "because of "+words[2]
		}
	}
	return r
}

func inShort(c history.Changes) string {
	var list []string
	for _, one := range c.New {
		list = append(list, "+"+one.Rule.ID+" "+one.Is.Subject)
	}
	for _, one := range c.Fixed {
		list = append(list, "-"+one.Rule.ID+" "+one.Was.Subject)
	}
	for _, one := range c.Changed {
		list = append(list, fmt.Sprintf("~%s %s %v", one.Rule.ID, one.Is.Subject, one.Worse()))
	}
	for _, one := range c.Untold {
		list = append(list, "?"+one.Rule.ID+" "+one.Was.Subject+" "+one.Why)
	}
	return strings.Join(append(list, fmt.Sprint("=", c.Same)), "; ")
}

func TestCompare(t *testing.T) {
	const before = `
fail spf.lookup-limit example.org critical 11
fail ptr.exists 192.0.2.25 critical none
fail ptr.exists 192.0.2.26 critical none
pass mx.exists`
	for name, test := range map[string]struct{ after, want, left string }{
		"the same":        {before, "=3", ""},
		"one fixed":       {"pass spf.lookup-limit\nfail ptr.exists 192.0.2.25 critical none\nfail ptr.exists 192.0.2.26 critical none", "-spf.lookup-limit example.org; =2", ""},
		"one subject":     {"fail spf.lookup-limit example.org critical 11\nfail ptr.exists 192.0.2.26 critical none", "-ptr.exists 192.0.2.25; =2", ""},
		"cannot be told":  {"doubt spf.lookup-limit example.org\nfail ptr.exists 192.0.2.25 critical none\ndoubt ptr.exists 192.0.2.26", "?spf.lookup-limit example.org SERVFAIL; ?ptr.exists 192.0.2.26 SERVFAIL; =1", ""},
		"a cause":         {"skip spf.lookup-limit spf.exists\nskip ptr.exists mx.exists\nfail spf.exists example.org critical none", "+spf.exists example.org; ?spf.lookup-limit example.org because of spf.exists; ?ptr.exists 192.0.2.25 because of mx.exists; ?ptr.exists 192.0.2.26 because of mx.exists; =0", "spf.exists example.org"},
		"left out":        {"pass ptr.exists", "-ptr.exists 192.0.2.25; -ptr.exists 192.0.2.26; ?spf.lookup-limit example.org spf.lookup-limit was left out; =0", ""},
		"other words":     {strings.Replace(before, "critical 11", "critical 12", 1), "~spf.lookup-limit example.org false; =2", ""},
		"not so grave":    {strings.Replace(before, "critical 11", "warning 11", 1), "~spf.lookup-limit example.org false; =2", ""},
		"a third address": {before + "\nfail ptr.exists 192.0.2.27 critical none", "+ptr.exists 192.0.2.27; =3", "ptr.exists 192.0.2.27"},
		"one more of it":  {before + "\nfail ptr.exists 192.0.2.25 critical other", "+ptr.exists 192.0.2.25; =3", "ptr.exists 192.0.2.25"},
	} {
		t.Run(name, func(t *testing.T) {
			was, is := read(t, before), read(t, test.after)
			if got := inShort(history.Compare(was, is)); got != test.want {
				t.Errorf("%s\nwant %s", got, test.want)
			}
			history.Accept(&is, was)
			var left []string
			for _, r := range is.Results {
				for _, f := range r.Findings {
					left = append(left, r.Rule.ID+" "+f.Subject)
				}
			}
			if got := strings.Join(left, "; "); got != test.left {
				t.Errorf("over the baseline %q is left, want %q", got, test.left)
			}
		})
	}
	graver := read(t, "fail spf.lookup-limit example.org critical 11")
	history.Accept(&graver, read(t, "fail spf.lookup-limit example.org warning 11"))
	if len(graver.Results[0].Findings) != 1 {
		t.Error("what is graver than it was is accepted")
	}
}
