package autoconfig

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A PACC is a record at _ua-auto-config, which vouches for a document by its
// digest (draft-ietf-mailmaint-pacc).
type PACC struct {
	Digest []byte // SHA-256; nil where the record gives none that can be used
}

// IsPACC reports whether text is such a record, right or not.
func IsPACC(text string) bool {
	name, rest, ok := strings.Cut(text, "=")
	if !ok || !strings.EqualFold(strings.TrimSpace(name), "v") {
		return false
	}
	version, _, _ := strings.Cut(rest, ";")
	return strings.HasPrefix(strings.ToUpper(strings.TrimSpace(version)), "UAAC")
}

// NewPACC is the record for a document.
func NewPACC(document []byte) PACC {
	sum := sha256.Sum256(document)
	return PACC{Digest: sum[:]}
}

// String is the record as it is published.
func (r PACC) String() string {
	return "v=UAAC1; a=sha256; d=" + base64.StdEncoding.EncodeToString(r.Digest)
}

// Fits reports whether the record is that of a document.
func (r PACC) Fits(document []byte) bool {
	sum := sha256.Sum256(document)
	return bytes.Equal(r.Digest, sum[:])
}

// ParsePACC reads a record.
func ParsePACC(text string) (PACC, []Problem) {
	var r PACC
	var problems list
	tags := make(map[string]string)
	at := 0
	for n, tag := range strings.SplitN(text, ";", 32) {
		name, value, ok := strings.Cut(tag, "=")
		name = strings.ToLower(strings.TrimSpace(name))
		_, twice := tags[name]
		switch {
		case strings.TrimSpace(tag) == "":
		case !ok:
			problems.add(Problem{Offset: at, Effect: Void, Message: fmt.Sprintf("%q is no tag with a value", clip(strings.TrimSpace(tag)))})
		case twice:
			problems.add(Problem{Offset: at, Effect: Void, Message: fmt.Sprintf("the tag %q stands twice", clip(name))})
		case n > 0 && name == "v":
			problems.add(Problem{Offset: at, Effect: Void, Message: "v is not the first tag"})
		default:
			tags[name] = strings.TrimSpace(value)
		}
		at += len(tag) + 1
	}
	r.Digest = digest(tags, len(text), &problems)
	return r, problems
}

// digest is that of the tags; nil where mail programs cannot use it.
func digest(tags map[string]string, end int, problems *list) []byte {
	fault := func(format string, args ...any) []byte {
		problems.add(Problem{Offset: end, Effect: Void, Message: fmt.Sprintf(format, args...)})
		return nil
	}
	if !strings.EqualFold(tags["v"], "UAAC1") {
		return fault("the version is %q, not UAAC1", clip(tags["v"]))
	}
	if !strings.EqualFold(tags["a"], "sha256") {
		return fault("the digest algorithm (a) is %q, not sha256", clip(tags["a"]))
	}
	sum, err := base64.StdEncoding.DecodeString(tags["d"])
	if err != nil || len(sum) != sha256.Size {
		return fault("the digest (d) is %q, not the base64 of %d octets", clip(tags["d"]), sha256.Size)
	}
	return sum
}

// A Document is the configuration that a record vouches for.
type Document struct {
	Protocols []Protocol // by name
}

// A Protocol is one that a document offers.
type Protocol struct {
	Name string // "imap", "submit", "jmap"
	Host string // of mail protocols; their port is that of the protocol over TLS
	URL  string // of web protocols
}

// maxProtocols bounds the protocols of a document. The drafts know nine.
const maxProtocols = 12

// ParseDocument reads a document. Drafts before 03 call submission "smtp", later
// ones "submit".
func ParseDocument(text []byte) (Document, []Problem) {
	var raw struct {
		Protocols map[string]struct {
			Host string `json:"host"`
			URL  string `json:"url"`
		} `json:"protocols"`
	}
	var doc Document
	var problems list
	if len(text) > maxDocument {
		problems.add(Problem{Offset: maxDocument, Effect: Void, Message: fmt.Sprintf("more than %d octets", maxDocument)})
		return doc, problems
	}
	if err := json.Unmarshal(text, &raw); err != nil {
		problems.add(Problem{Effect: Void, Message: fmt.Sprintf("not the JSON it should be: %q", clip(err.Error()))})
		return doc, problems
	}
	for _, name := range slices.Sorted(maps.Keys(raw.Protocols)) {
		p := raw.Protocols[name]
		if len(doc.Protocols) < maxProtocols {
			doc.Protocols = append(doc.Protocols, Protocol{Name: name, Host: p.Host, URL: p.URL})
		}
		if p.Host == "" && p.URL == "" {
			problems.add(Problem{Effect: Dropped, Message: fmt.Sprintf("the protocol %q has neither host nor url", clip(name))})
		}
	}
	if len(doc.Protocols) == 0 {
		problems.add(Problem{Effect: Void, Message: "no protocols"})
	}
	return doc, problems
}
