package bimi

import (
	"bytes"
	"crypto"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"net/url"
	"strings"
)

// Bounds of a logotype extension.
const (
	maxImages = 8
	maxURIs   = 8
)

// An Embedded is a logo inside a certificate.
type Embedded struct {
	MediaType string
	Document  []byte // SVG or SVGZ, as embedded
	HashFault string // why the hash beside it does not stand for it; empty where it does
}

// logotypes is the extension (RFC 9399, 4.1) as far as a mark certificate has
// it. Its module has implicit tags, and those here are of choices, so explicit.
type logotypes struct {
	Community asn1.RawValue `asn1:"optional,explicit,tag:0"`
	Issuer    asn1.RawValue `asn1:"optional,explicit,tag:1"`
	Subject   asn1.RawValue `asn1:"optional,explicit,tag:2"`
	Other     asn1.RawValue `asn1:"optional,explicit,tag:3"`
}

type logotypeImage struct {
	Details logotypeDetails
	Info    asn1.RawValue `asn1:"optional"`
}

type logotypeDetails struct {
	MediaType string `asn1:"ia5"`
	Hashes    []hashAlgAndValue
	URIs      []string
}

type hashAlgAndValue struct {
	Algorithm algorithm
	Value     []byte
}

type algorithm struct {
	ID         asn1.ObjectIdentifier
	Parameters asn1.RawValue `asn1:"optional"`
}

// ParseLogotype reads a logotype extension and returns the logo that is embedded
// in it for the subject. The error says why there is none.
func ParseLogotype(der []byte) (Embedded, error) {
	var extension logotypes
	if rest, err := asn1.Unmarshal(der, &extension); err != nil || len(rest) > 0 {
		return Embedded{}, errors.New("its logotype extension cannot be read")
	}
	if len(extension.Subject.FullBytes) == 0 {
		return Embedded{}, errors.New("its logotype extension has no logo of the subject")
	}
	images, err := direct(extension.Subject)
	if err != nil {
		return Embedded{}, err
	}
	for _, image := range images[:min(len(images), maxImages)] {
		if e, ok := embedded(image.Details); ok {
			return e, nil
		}
	}
	return Embedded{}, errors.New("its logotype extension has no embedded SVG (a data: URI)")
}

// direct is the images of the LogotypeInfo inside a tag, where it holds them itself.
func direct(tagged asn1.RawValue) ([]logotypeImage, error) {
	bad := errors.New("its logotype extension cannot be read")
	var info asn1.RawValue
	if rest, err := asn1.Unmarshal(tagged.Bytes, &info); err != nil || len(rest) > 0 {
		return nil, bad
	}
	if info.Class != asn1.ClassContextSpecific || info.Tag != 0 {
		return nil, errors.New("its logotype extension refers to a logo elsewhere in place of holding it")
	}
	var set asn1.RawValue // image SEQUENCE OF LogotypeImage, the first of LogotypeData
	if _, err := asn1.Unmarshal(info.Bytes, &set); err != nil || set.Tag != asn1.TagSequence || set.Class != asn1.ClassUniversal {
		return nil, bad
	}
	var images []logotypeImage
	if rest, err := asn1.Unmarshal(set.FullBytes, &images); err != nil || len(rest) > 0 {
		return nil, bad
	}
	return images, nil
}

// embedded is the document of details that hold one in a data: URI.
func embedded(details logotypeDetails) (Embedded, bool) {
	for _, uri := range details.URIs[:min(len(details.URIs), maxURIs)] {
		document, ok := dataURI(uri)
		if !ok || !strings.HasPrefix(strings.ToLower(details.MediaType), "image/svg+xml") {
			continue
		}
		e := Embedded{MediaType: details.MediaType, Document: document}
		e.HashFault = hashFault(details.Hashes, document)
		return e, true
	}
	return Embedded{}, false
}

// dataURI is what a data: URI holds (RFC 2397).
func dataURI(uri string) ([]byte, bool) {
	if len(uri) < 5 || !strings.EqualFold(uri[:5], "data:") {
		return nil, false
	}
	head, body, found := strings.Cut(uri[5:], ",")
	if !found {
		return nil, false
	}
	if !strings.HasSuffix(strings.ToLower(head), ";base64") {
		text, err := url.PathUnescape(body)
		return []byte(text), err == nil
	}
	document, err := base64.StdEncoding.DecodeString(body)
	if err != nil {
		document, err = base64.RawStdEncoding.DecodeString(body)
	}
	return document, err == nil
}

// hashes is the hash algorithms that certificates name (RFC 9399, 4.1).
var hashes = []struct {
	id  asn1.ObjectIdentifier
	alg crypto.Hash
}{
	{asn1.ObjectIdentifier{1, 3, 14, 3, 2, 26}, crypto.SHA1},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}, crypto.SHA256},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 2}, crypto.SHA384},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 3}, crypto.SHA512},
}

func sum(alg crypto.Hash, data []byte) []byte {
	switch alg {
	case crypto.SHA1:
		h := sha1.Sum(data)
		return h[:]
	case crypto.SHA256:
		h := sha256.Sum256(data)
		return h[:]
	case crypto.SHA384:
		h := sha512.Sum384(data)
		return h[:]
	}
	h := sha512.Sum512(data)
	return h[:]
}

// hashFault compares the hashes with the document. Some authorities hash it as
// it is embedded, others uncompressed: either will do.
func hashFault(list []hashAlgAndValue, document []byte) string {
	forms := [][]byte{document}
	if text, compressed, err := Inflate(document); compressed && err == nil {
		forms = append(forms, text)
	}
	known := false
	for _, h := range list[:min(len(list), maxURIs)] {
		for _, k := range hashes {
			if !h.Algorithm.ID.Equal(k.id) {
				continue
			}
			known = true
			for _, form := range forms {
				if bytes.Equal(h.Value, sum(k.alg, form)) {
					return ""
				}
			}
		}
	}
	switch {
	case len(list) == 0:
		return "it has no hash of the embedded logo"
	case !known:
		return "" // of an algorithm that is not known here
	}
	return "the hash in it is not that of the embedded logo"
}
