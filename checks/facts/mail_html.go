package facts

import (
	"bytes"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/net/html"
)

// An HTML is what filters look at in the HTML of a message.
type HTML struct {
	Part   int      // index of the part; -1 if the message has none
	Size   int      // octets, decoded
	Links  []string // of <a> and <area>, as written
	Images int      // <img> that show something: no tracking pixels
	NoAlt  int      // of those, how many have no text in their place
	Text   int      // letters and digits to be read
	// Active are elements that mail readers take out or warn of, each once:
	// "form", "script", "iframe", "object", "embed", "applet".
	Active []string
}

// Bounds of what is looked at.
const (
	maxLinks  = 2000
	maxTokens = 500_000
)

// readHTML takes HTML apart as far as filters do. It reads anything.
func readHTML(body []byte) HTML {
	var h HTML
	z := html.NewTokenizer(bytes.NewReader(body))
	z.SetMaxBuf(1 << 20)
	hidden := ""
	for range maxTokens {
		switch z.Next() {
		case html.ErrorToken:
			return h
		case html.TextToken:
			if hidden == "" {
				h.Text += readable(z.Text())
			}
		case html.EndTagToken:
			if name, _ := z.TagName(); string(name) == hidden {
				hidden = ""
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			token := z.Token()
			if name := h.element(token); name != "" && token.Type == html.StartTagToken {
				hidden = name
			}
		}
	}
	return h
}

// element notes one element, and returns its name where its text is not to be read.
func (h *HTML) element(t html.Token) string {
	attr := func(name string) (string, bool) {
		i := slices.IndexFunc(t.Attr, func(a html.Attribute) bool { return a.Key == name })
		if i < 0 {
			return "", false
		}
		return strings.TrimSpace(t.Attr[i].Val), true
	}
	switch t.Data {
	case "a", "area":
		if href, ok := attr("href"); ok && len(h.Links) < maxLinks {
			h.Links = append(h.Links, href)
		}
	case "img":
		width, _ := attr("width")
		height, _ := attr("height")
		if slices.Contains([]string{"0", "1"}, strings.TrimSuffix(width, "px")) || slices.Contains([]string{"0", "1"}, strings.TrimSuffix(height, "px")) {
			break // a pixel that counts readers, or a spacer
		}
		h.Images++
		if _, ok := attr("alt"); !ok { // alt="" says that there is nothing to be read
			h.NoAlt++
		}
	case "script":
		// Data for the mail reader, as for a parcel or a flight, is not run.
		if kind, _ := attr("type"); !strings.EqualFold(kind, "application/ld+json") {
			h.active(t.Data)
		}
		return t.Data
	case "form", "iframe", "object", "embed", "applet":
		h.active(t.Data)
	case "style", "title":
		return t.Data
	}
	return ""
}

func (h *HTML) active(name string) {
	if !slices.Contains(h.Active, name) {
		h.Active = append(h.Active, name)
	}
}

func readable(text []byte) int {
	n := 0
	for _, r := range html.UnescapeString(string(text)) {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			n++
		}
	}
	return n
}
