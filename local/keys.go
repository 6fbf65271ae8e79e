package local

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/record"
)

// A place says where paths that a configuration inside a container names lie on
// the host: pairs of a directory inside and its place outside. The zero place is
// that of a server without a container.
type place [][2]string

// of is where a file lies; ok is false where it is in the container alone.
func (p place) of(file string) (outside string, ok bool) {
	if len(p) == 0 {
		return file, true
	}
	for _, pair := range p {
		if rest, within := strings.CutPrefix(file, pair[0]+"/"); within {
			return path.Join(pair[1], rest), true
		}
	}
	return "", false
}

// A holder is where a signer keeps a key.
type holder struct {
	source           string // "OpenDKIM"
	domain, selector string
	file             string
	named            bool // the configuration names this very file; else it is used if it is there
}

// key notes the public half of the key in a file, if it signs for a domain that
// is asked about.
func (r *reader) key(h holder) {
	if !r.wants(h.domain) {
		return
	}
	data, err := r.octets(h.file)
	switch {
	case errors.Is(err, fs.ErrNotExist) && h.named:
		r.fault(h, "does not exist")
		return
	case err != nil:
		r.unread(Keys, h.file, err)
		return
	}
	r.material(h, data)
}

// material notes the public half of a key, and clears it.
func (r *reader) material(h holder, data []byte) {
	defer clear(data)
	public, err := publicHalf(data)
	switch {
	case errors.Is(err, errLocked):
		r.doubt(Keys, "%s %v", h.file, err)
	case err != nil:
		r.fault(h, err.Error())
	default:
		r.add(Key{Public: public}, h)
	}
}

func (r *reader) fault(h holder, why string) { r.add(Key{Fault: why}, h) }

func (r *reader) add(k Key, h holder) {
	k.Domain, k.Selector, k.File, k.Source = record.Canonical(h.domain), strings.ToLower(h.selector), h.file, h.source
	same := func(have Key) bool {
		return have.Domain == k.Domain && have.Selector == k.Selector && have.File == k.File && have.Source == k.Source
	}
	if most := maxEntries + 4*len(r.domains); !slices.ContainsFunc(r.host.Keys, same) && len(r.host.Keys) < most {
		r.host.Keys = append(r.host.Keys, k)
	}
}

// filled is a path with the variables of rspamd and Exim in it filled in.
func filled(template, domain, selector string) string {
	return strings.NewReplacer(
		"${dkim_domain}", domain, "$dkim_domain", domain, "${dkim_selector}", selector, "$dkim_selector", selector,
		"${domain}", domain, "$domain", domain, "${selector}", selector, "$selector", selector,
	).Replace(template)
}

// pairs reads lines of two words, as of a selector map: what follows a # is a
// comment.
func pairs(text string) [][2]string {
	var list [][2]string
	for line := range strings.Lines(text) {
		if strings.HasPrefix(strings.TrimSpace(line), "#") {
			continue
		}
		if fields := strings.Fields(line); len(fields) >= 2 {
			list = append(list, [2]string{fields[0], strings.Join(fields[1:], " ")})
		}
		if len(list) == maxPairs {
			break
		}
	}
	return list
}

// maxPairs bounds the lines of a table.
const maxPairs = 10_000
