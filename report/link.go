package report

import (
	"regexp"
	"strings"
)

// A link is text that a terminal opens in a browser: OSC 8, as told by
// https://gist.github.com/egmontkob/eb114294efbcd5adb1944c9f3cb5feda. What leads
// to nothing of ours is plain text: no address that came from the network, or from
// a report in a file, is ever put where a terminal takes it for one.

// link is s, which may hold colours, as a link to url.
func (p *page) link(url, s string) string {
	if !p.links || s == "" || !ours.MatchString(url) {
		return s
	}
	return "\x1b]8;;" + url + "\x1b\\" + s + "\x1b]8;;\x1b\\"
}

// ours is the URLs that are linked: HTTPS, of a named host, in characters of which
// none ends a sequence or means anything to a terminal or a shell.
var ours = regexp.MustCompile(`^https://[a-z0-9-]+(\.[a-z0-9-]+)+(/[A-Za-z0-9._~/%?&=+#,-]*)?$`)

// checkID is the IDs that a link is made of.
var checkID = regexp.MustCompile(`^[a-z0-9]+\.[a-z0-9-]+$`)

// maxID bounds them, in octets.
const maxID = 64

// undocumented are the topics whose rules are not on the page of the checks.
var undocumented = []string{"auth.", "session.", "waiver.", "zone."}

// checkURL is where a check is told of, empty if nowhere.
func checkURL(id string) string {
	if len(id) > maxID || !checkID.MatchString(id) {
		return ""
	}
	for _, topic := range undocumented {
		if strings.HasPrefix(id, topic) {
			return ""
		}
	}
	return home + "/blob/main/docs/checks.md#" + id
}

// id is the ID of a check in a tone, linked to what there is to say about it.
func (p *page) id(t tone, id string) string { return p.link(checkURL(id), p.in(t, flat(id))) }
