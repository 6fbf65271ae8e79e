package replies

import (
	"testing"
	"time"
)

// What hosts say with 250, with IDs changed.
func TestQueueID(t *testing.T) {
	for text, want := range map[string]string{
		"2.0.0 Ok: queued as 4cQx7B1Rz2z9t":                              "4cQx7B1Rz2z9t",
		"2.0.0 Ok: queued as 8D3F12A0B4":                                 "8D3F12A0B4",
		"OK id=1tEabc-0001Xy-2Z":                                         "1tEabc-0001Xy-2Z",
		"2.0.0 OK  1732276800 a640c23a62f3a-aa50f2df3c9si123456 - gsmtp": "1732276800 a640c23a62f3a-aa50f2df3c9si123456",
		"2.0.0 4AMC0aBc012345 Message accepted for delivery":             "4AMC0aBc012345",
		"ok 1732276800 qp 12345":                                         "1732276800 qp 12345",
		"2.6.0 <a@example.org> [InternalId=9876543210, Hostname=X.PROD.OUTLOOK.COM] 9999 bytes in 0.1, 90 KB/sec Queued mail for delivery": "9876543210",
		"Requested mail action okay, completed: id=1M8abc-1t0XYZ0abc-00AbCd":                                                               "1M8abc-1t0XYZ0abc-00AbCd",
		"2.0.0 c5a1b2c3 Message accepted for delivery":                                                                                     "c5a1b2c3",
		"Ok 0100018c1234abcd-5678ef90-1234-5678-9abc-def012345678-000000":                                                                  "0100018c1234abcd-5678ef90-1234-5678-9abc-def012345678-000000",
		"Message received: id=20241122120000.abcd":                                                                                         "20241122120000.abcd",
		"2.0.0 Ok":              "",
		"":                      "",
		"thank you, come again": "",
	} {
		if got := QueueID(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestLater(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"4.7.1 Greylisting in action, please come back in 00:04:57":                   4*time.Minute + 57*time.Second,
		"4.2.0 <a@example.org>: Recipient address rejected: Greylisted for 5 minutes": 5 * time.Minute,
		"Greylisted, please try again in 180 seconds":                                 3 * time.Minute,
		"4.7.1 Try again later, retry in 1 hour":                                      time.Hour,
		"please try again after 10 min":                                               10 * time.Minute,
		"4.3.2 deferred; wait at least 15m before you retry":                          15 * time.Minute,
		"Deferred (wait 59s)":                                                         59 * time.Second,
		"4.7.1 Greylisting enabled, please retry in 99999 minutes":                    24 * time.Hour,
		"4.2.0 Greylisted, see http://postgrey.schweikert.ch/help/example.org.html":   0,
		"4.7.1 Try again later":                                                       0,
		"421 too many connections from 192.0.2.1; for 2001:db8::25 see the page":      0,
		"in 0 seconds": 0,
		"":             0,
	} {
		if got, ok := Later(text); got != want || ok != (want != 0) {
			t.Errorf("%q: %s, %t, want %s", text, got, ok, want)
		}
	}
}

func FuzzWords(f *testing.F) {
	f.Add("queued as 1234")
	f.Add("come back in 99:99:99")
	f.Add("in 999999 hours")
	f.Fuzz(func(t *testing.T, text string) {
		if d, ok := Later(text); ok && (d < time.Second || d > longest) {
			t.Error(d)
		}
		if id := QueueID(text); len(id) > 110 {
			t.Error(id)
		}
	})
}
