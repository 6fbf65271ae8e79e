package local

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/record"
)

// maxChain bounds the certificates of one chain.
const maxChain = 20

// certificateIf is certificate where the file may be missing. That it may not be
// read is told all the same.
func (r *reader) certificateIf(source, file string) {
	if r.sys.Files == nil {
		return
	}
	if _, err := fs.Stat(r.sys.Files, at(file)); !errors.Is(err, fs.ErrNotExist) {
		r.certificate(source, file)
	}
}

// letsEncrypt looks where certbot puts certificates for one of the host's names,
// where no configuration says which is shown.
func (r *reader) letsEncrypt() {
	if len(r.host.Certificates)+len(r.host.Unread(Certificates)) > 0 {
		return
	}
	for _, n := range r.host.Names {
		if name := record.Display(record.Canonical(n.Text)); !strings.ContainsAny(name, "/\\") {
			r.certificateIf("Let's Encrypt", "/etc/letsencrypt/live/"+name+"/fullchain.pem")
		}
	}
}

// certificate notes the chains in a file of certificates in PEM, with or without
// keys among them (smtpd_tls_chain_files has a key before each chain).
func (r *reader) certificate(source, file string) {
	data, err := r.octets(file)
	if errors.Is(err, fs.ErrNotExist) {
		r.doubt(Certificates, "%s is to show the certificate in %s, which does not exist", source, file)
		return
	}
	if err != nil {
		r.unread(Certificates, file, err)
		return
	}
	defer clear(data)
	chains := [][][]byte{nil}
	for rest := data; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		last := len(chains) - 1
		switch {
		case block.Type == "CERTIFICATE" && len(chains[last]) < maxChain:
			chains[last] = append(chains[last], block.Bytes)
		case strings.HasSuffix(block.Type, "PRIVATE KEY"):
			clear(block.Bytes)
			if len(chains[last]) > 0 && len(chains) < maxChain {
				chains = append(chains, nil)
			}
		}
	}
	none := true
	for _, chain := range chains {
		none = r.chain(source, file, chain) && none
	}
	if none {
		r.doubt(Certificates, "%s holds no certificate that can be read", file)
	}
}

// chain notes one chain, and reports whether there is none.
func (r *reader) chain(source, file string, chain [][]byte) (none bool) {
	if len(chain) == 0 {
		return true
	}
	leaf, err := x509.ParseCertificate(chain[0])
	if err != nil {
		return true
	}
	r.shows(Certificate{Chain: chain, Key: leaf.RawSubjectPublicKeyInfo, File: file, Source: source})
	return false
}

func (r *reader) shows(c Certificate) {
	same := func(have Certificate) bool { return have.File == c.File && bytes.Equal(have.Key, c.Key) }
	if !slices.ContainsFunc(r.host.Certificates, same) && len(r.host.Certificates) < maxEntries {
		r.host.Certificates = append(r.host.Certificates, c)
	}
}

// hostKey notes the public half of the key for which certificates are fetched,
// the first of its kind.
func (r *reader) hostKey(source, file string) {
	data, err := r.octets(file)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("%s does not exist", file)
		}
		r.unread(Certificates, file, err)
		return
	}
	defer clear(data)
	public, err := publicHalf(data)
	if err != nil {
		r.doubt(Certificates, "%s %v", file, err)
		return
	}
	for _, c := range r.host.Certificates {
		if c.Source == source && c.Chain == nil && kind(c.Key) == kind(public) {
			return
		}
	}
	r.shows(Certificate{Key: public, File: file, Source: source})
}

// kind is what kind of key it is.
func kind(spki []byte) reflect.Type {
	key, err := x509.ParsePKIXPublicKey(spki)
	if err != nil {
		return nil
	}
	return reflect.TypeOf(key)
}
