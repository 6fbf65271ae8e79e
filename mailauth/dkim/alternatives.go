package dkim

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/message"
)

// maxPlaces is how many names of h= are looked at for what they may have stood for.
const maxPlaces = 100

// alternatives are the contents that the places of h= may have had when the
// message was signed, the likelier first, each once.
func (e *headerExplainer) alternatives() []alternative {
	var early, late []alternative
	add := func(to *[]alternative, a alternative) {
		if len(*to) == maxVariants {
			return
		}
		same := func(b alternative) bool { return a.place == b.place && bytes.Equal(a.octets, b.octets) }
		if !bytes.Equal(a.octets, e.header.chunks[a.place]) && !slices.ContainsFunc(early, same) && !slices.ContainsFunc(late, same) {
			*to = append(*to, a)
		}
	}
	for place, at := range e.v.Covered[:min(len(e.v.Covered), maxPlaces)] {
		if at < 0 {
			for _, a := range e.restored(place) {
				add(&late, a)
			}
			continue
		}
		f := e.x.m.Fields[at]
		for _, v := range e.values(f) {
			add(&early, e.with(place, f, v))
		}
		for _, a := range e.instances(place, f) {
			add(&late, a)
		}
		for _, a := range e.respelled(place, f) {
			add(&late, a)
		}
		add(&late, alternative{place: place, list: listAdds(f.Name),
			change: Change{Kind: Added, Field: f.Name, Offset: f.Offset, Length: len(f.Raw), Is: f.Unfolded(), Text: f.Name + " was not there when it was signed, and was added later: " + printable(f.Unfolded())}})
	}
	return append(early, late...)
}

// listAdds are fields that mailing lists add or replace.
func listAdds(name string) bool {
	switch strings.ToLower(name) {
	case "reply-to", "sender", "list-id", "list-unsubscribe", "list-post", "list-help", "precedence", "cc":
		return true
	}
	return false
}

// with is the alternative that the field had another value.
func (e *headerExplainer) with(place int, f message.Field, v value) alternative {
	return alternative{place: place, octets: e.header.canon.Field(message.NewField(f.Name, " "+v.text+"\r\n")), list: v.kind == SubjectTag || v.kind == Rewritten,
		change: Change{Kind: v.kind, Field: f.Name, Offset: f.Offset, Length: len(f.Raw), Was: v.text, Is: f.Unfolded(),
			Text: fmt.Sprintf("%s: it was %s when it was signed, and is %s", fmt.Sprintf(v.why, f.Name), printable(v.text), printable(f.Unfolded()))}}
}

// instances: another field of the name was the one signed.
func (e *headerExplainer) instances(place int, f message.Field) []alternative {
	var list []alternative
	for i, g := range e.x.m.Fields {
		if !g.Is(f.Name) || g.Offset == f.Offset || i == e.v.Field || len(list) == 5 {
			continue
		}
		list = append(list, alternative{place: place, octets: e.header.canon.Field(g),
			change: Change{Kind: OtherInstance, Field: f.Name, Offset: f.Offset, Length: len(f.Raw), Was: g.Unfolded(), Is: f.Unfolded(),
				Text: fmt.Sprintf("a second %s was put below the one that was signed, %s: it is %s", f.Name, printable(g.Unfolded()), printable(f.Unfolded()))}})
	}
	return list
}

// respelled: for simple, the field was folded, spaced or spelled otherwise.
func (e *headerExplainer) respelled(place int, f message.Field) []alternative {
	if e.header.canon != Simple {
		return nil
	}
	name, text := f.Name, strings.Join(strings.Fields(f.Unfolded()), " ")
	var list []alternative
	for _, octets := range []string{
		name + ": " + f.Unfolded() + "\r\n", name + ": " + text + "\r\n", name + ":" + f.Unfolded() + "\r\n",
		canonicalName(name) + f.Head()[len(name):] + f.Value() + "\r\n", strings.ToLower(name) + f.Head()[len(name):] + f.Value() + "\r\n",
		strings.TrimRight(f.Head()+f.Value(), " \t") + "\r\n", string(Relaxed.Field(f)),
		name + ": " + strings.ReplaceAll(f.Unfolded(), "\t", " ") + "\r\n", name + ": " + strings.ReplaceAll(strings.ReplaceAll(f.Value(), "\r\n\t", "\r\n "), "\n\t", "\n ")[min(1, len(f.Value())):] + "\r\n",
	} {
		list = append(list, alternative{place: place, octets: []byte(octets), change: Change{Kind: Refolded, Field: name, Offset: f.Offset, Length: len(f.Raw), Is: f.Unfolded(),
			Text: name + " was folded, spaced or spelled otherwise when it was signed, and c=simple allows no change"}})
	}
	return list
}

// canonicalName spells a name as is usual: Message-ID, MIME-Version, Cc.
func canonicalName(name string) string {
	switch lower := strings.ToLower(name); lower {
	case "message-id":
		if name == "Message-ID" {
			return "Message-Id"
		}
		return "Message-ID"
	case "mime-version":
		if name == "MIME-Version" {
			return "Mime-Version"
		}
		return "MIME-Version"
	case "cc":
		if name == "Cc" {
			return "CC"
		}
		return "Cc"
	}
	words := strings.Split(strings.ToLower(name), "-")
	for i, w := range words {
		if w != "" {
			words[i] = strings.ToUpper(w[:1]) + w[1:]
		}
	}
	return strings.Join(words, "-")
}

// restored: values that a field that is gone is likely to have had.
func (e *headerExplainer) restored(place int) []alternative {
	name := e.v.Signature.Fields[place]
	var values []string
	switch strings.ToLower(name) {
	case "mime-version":
		values = []string{"1.0"}
	case "content-transfer-encoding":
		values = []string{"8bit", "7bit", "quoted-printable", "base64"}
	case "content-type":
		values = []string{"text/plain; charset=utf-8", "text/plain; charset=UTF-8", "text/plain", "text/plain; charset=us-ascii"}
	case "subject":
		values = []string{""}
	case "sender", "reply-to":
		if from, ok := e.x.m.First("From"); ok {
			values = []string{from.Unfolded()}
		}
	}
	var list []alternative
	for _, v := range append(values, e.savedTexts(name)...) {
		list = append(list, alternative{place: place, octets: e.header.canon.Field(message.NewField(canonicalName(name), " "+v+"\r\n")), list: true,
			change: Change{Kind: Removed, Field: name, Was: v, Text: fmt.Sprintf("%s, which was %s when it was signed, is gone", name, printable(v))}})
	}
	return list
}

func (e *headerExplainer) savedTexts(name string) []string {
	var texts []string
	for _, v := range e.saved("X-Original-"+name, "Original-"+name, "X-Mailman-Original-"+name) {
		texts = append(texts, v.text)
	}
	return texts
}
