package bimi

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"strings"
)

// MaxLogo is the octets of a logo, uncompressed, up to which receivers are
// known to show it; Gmail and the makers of the profile advise no more.
const MaxLogo = 32 << 10

// maxInflated bounds what is unpacked of a compressed logo: a few octets can
// be made to fill any memory.
const maxInflated = 512 << 10

// A Logo is what there is to know of an SVG document. What it says is from the
// network.
type Logo struct {
	Title      string
	Size       int  // octets, uncompressed
	Compressed bool // it came as SVGZ
	Width      float64
	Height     float64 // of the view box, or else of the document; 0 where neither says

	Text []byte // the document, uncompressed; shared with what was inspected
}

// A Fault is one breach of the profile SVG Tiny Portable/Secure or of what
// receivers ask of a logo.
type Fault struct {
	Line    int // of the document, counted from 1; 0 where it is about the whole
	Message string
}

const maxFaults = 32

var gzipMagic = []byte{0x1f, 0x8b}

// Inflate is document uncompressed. It is returned as it is where it is not
// compressed. The error says what is wrong with the compression.
func Inflate(document []byte) (text []byte, compressed bool, err error) {
	if !bytes.HasPrefix(document, gzipMagic) {
		return document, false, nil
	}
	r, err := gzip.NewReader(bytes.NewReader(document))
	if err != nil {
		return nil, true, errors.New("the gzip compression is damaged")
	}
	text, err = io.ReadAll(io.LimitReader(r, maxInflated+1))
	switch {
	case err != nil:
		return nil, true, errors.New("the gzip compression is damaged")
	case len(text) > maxInflated:
		return nil, true, errors.New("uncompressed it is larger than 512 KiB")
	}
	return text, true, nil
}

// InspectLogo reads document, SVG or SVGZ, and holds it to the profile. It takes
// time and memory in proportion to the document.
func InspectLogo(document []byte) (Logo, []Fault) {
	var logo Logo
	text, compressed, err := Inflate(document)
	logo.Compressed = compressed
	if err != nil {
		return logo, []Fault{{Message: err.Error()}}
	}
	logo.Text, logo.Size = text, len(text)
	if len(text) > maxInflated {
		return logo, []Fault{{Message: "it is larger than 512 KiB"}}
	}
	r := reader{logo: &logo, text: text}
	r.read()
	return logo, r.faults
}

// SameLogo reports whether two documents show the same logo, and whether they
// differ in nothing but line ends, or white space around.
func SameLogo(a, b []byte) (same, nearly bool) {
	left, _, errA := Inflate(a)
	right, _, errB := Inflate(b)
	if errA != nil || errB != nil {
		return false, false
	}
	if bytes.Equal(left, right) {
		return true, true
	}
	return false, lineEnds(left) == lineEnds(right)
}

func lineEnds(text []byte) string {
	return strings.TrimSpace(strings.ReplaceAll(string(text), "\r\n", "\n"))
}
