package lab

import (
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/mta/deliver"
	"github.com/maildoctor/maildoctor/probe"
)

// TestChaosTells: a sender that does something else than it has to is found out.
func TestChaosTells(t *testing.T) {
	c, err := NewChaos("postmaster@sender.example", "mx.sender.example", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	for _, test := range []struct {
		name, why string
		fault     Fault
	}{
		{"gives up", "where a later attempt has to deliver one", Fault{at: probe.StageRcpt, act: answer, says: "550 5.1.1 no", want: later}},
		{"tells the sender", "1 notice of failure and 0 of delay, where 0 and 0 are right", Fault{at: probe.StageRcpt, act: answer, says: "550 5.1.1 no", want: later}},
		{"tries again", "where one attempt and none are right", Fault{at: probe.StageRcpt, act: answer, says: "451 4.3.0 no", times: 1, want: returned}},
		{"delivers twice", "2 copies in the mailbox", Fault{at: probe.StageMessage, act: forget, times: 1, want: later}},
		{"knows that it is not there", "not known as one that may have delivered it", Fault{at: probe.StageRcpt, act: hangUp, times: 1, want: perhaps}},
		{"speaks in clear", "the envelope went in clear text", Fault{at: probe.StageEHLO, act: strip, want: atOnce, least: deliver.Encrypted}},
		{"trusts anybody", "in a conversation that was not protected", Fault{at: probe.StageTLS, act: show, want: atOnce, least: deliver.Verified}},
		{"connects", "it was connected to", Fault{at: probe.StageRcpt, act: answer, says: "550 5.1.1 no", want: unmet}},
		{"forgets the second", "the other recipient does not have it once", Fault{at: probe.StageMail, act: answer, says: "550 5.7.1 no", both: true, want: returned}},
		{"makes others wait", "other mail waited for it", Fault{Switch: "tarpit", to: nobody, want: unmet}},
	} {
		t.Run(test.name, func(t *testing.T) {
			e, err := c.Try(t.Context(), test.fault)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(e.Why, test.why) {
				t.Errorf("%q: %s → %s", e.Why, e.Did, e.Became)
			}
		})
	}
}

func TestParseNotice(t *testing.T) {
	const good = "Return-Path: <>\r\nAuto-Submitted: auto-replied\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n" +
		"--b\r\nContent-Type: text/plain\r\n\r\nNo.\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx\r\n\r\nFinal-Recipient: rfc822; a@b.test\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n" +
		"--b\r\nContent-Type: text/rfc822-headers\r\n\r\nSubject: x\r\n\r\n--b--\r\n"
	n, err := parseNotice([]byte(good), "a@b.test")
	if err != nil || n.Action != "failed" || n.Status != "5.1.1" {
		t.Fatal(n, err)
	}
	for _, test := range []struct{ old, new, why string }{
		{"<>", "<a@b.test>", "not null"},
		{"auto-replied", "no", "Auto-Submitted"},
		{"multipart/report", "multipart/mixed", "multipart/mixed"},
		{"a@b.test\r\nAction", "c@b.test\r\nAction", "it is about"},
		{"failed", "delayed", "delayed with the status 5.1.1"},
		{"Reporting-MTA", "X", "Reporting-MTA"},
		{"text/rfc822-headers", "message/rfc822", "not text/rfc822-headers"},
	} {
		if _, err := parseNotice([]byte(strings.Replace(good, test.old, test.new, 1)), "a@b.test"); err == nil || !strings.Contains(err.Error(), test.why) {
			t.Errorf("%s: %v, want %s", test.new, err, test.why)
		}
	}
}
