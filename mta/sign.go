package mta

import (
	"bytes"
	"crypto"
	"fmt"
	"io"
	"strings"

	"github.com/emersion/go-msgauth/dkim"

	"github.com/maildoctor/maildoctor/keyfile"
	own "github.com/maildoctor/maildoctor/mailauth/dkim"
	"github.com/maildoctor/maildoctor/message"
	"github.com/maildoctor/maildoctor/record"
)

// A Key signs the mail of a domain (RFC 6376): RSA of 1,024 bits and more (RFC 8301,
// 3.2), or Ed25519 (RFC 8463).
type Key struct {
	Domain   string // in Unicode or A-labels
	Selector string
	crypto.Signer
}

// ReadKey reads the private key of a file, which holds one.
func ReadKey(domain, selector, path string) (Key, error) {
	data, _, err := keyfile.Read(path)
	if err != nil {
		return Key{}, fmt.Errorf("the key of %s in %s: %w", selector, path, err)
	}
	defer clear(data)
	found, err := keyfile.Parse(data)
	if err != nil {
		return Key{}, fmt.Errorf("the key of %s: %s %w", selector, path, err)
	}
	if len(found) != 1 {
		return Key{}, fmt.Errorf("the key of %s: %s holds %d keys, and one of them has to be meant", selector, path, len(found))
	}
	k := Key{Domain: domain, Selector: selector, Signer: found[0]}
	return k, k.check()
}

// check says what keeps a key from signing.
func (k Key) check() error {
	if !keyfile.IsSelector(k.Selector) {
		return fmt.Errorf("%q is not a DKIM selector", k.Selector)
	}
	if k.Signer == nil {
		return fmt.Errorf("selector %s has no key", k.Selector)
	}
	if _, err := own.New(k.Public()); err != nil {
		return fmt.Errorf("the key of selector %s cannot sign mail: %w", k.Selector, err)
	}
	return nil
}

// KeysFor is the keys that sign for a domain: its own, else those of the nearest
// domain above it, with which DMARC is aligned too (RFC 9989, 5.1).
func KeysFor(all []Key, domain string) []Key {
	for name := canonical(domain); name != "." && name != ""; name = record.Parent(name) {
		var list []Key
		for _, k := range all {
			if canonical(k.Domain) == name {
				list = append(list, k)
			}
		}
		if len(list) > 0 {
			return list
		}
	}
	return nil
}

// oversigned are the fields of which none may be added, nor changed, nor taken away
// on the way: each is named once more than it is there (RFC 6376, 5.4.2, 8.15).
func oversigned() []string {
	return []string{
		"From", "To", "Cc", "Subject", "Date", "Message-ID", "Reply-To",
		"MIME-Version", "Content-Type", "List-Unsubscribe", "List-Unsubscribe-Post",
	}
}

// names is the h= tag for a header.
func names(fields []message.Field) []string {
	var list []string
	for _, name := range oversigned() {
		for _, f := range fields {
			if f.Is(name) {
				list = append(list, name)
			}
		}
		list = append(list, name)
	}
	return list
}

// Sign returns a DKIM-Signature field for each key, with its CRLF, to be put on top
// of a message. Nothing may change the octets of the message after that: its line
// ends are CRLF.
func Sign(keys []Key, text []byte) ([]byte, error) {
	msg, _ := message.Parse(text)
	return sign(keys, msg.Fields, func() io.Reader { return bytes.NewReader(text) })
}

// sign signs the message that open opens, whose header has those fields.
func sign(keys []Key, fields []message.Field, open func() io.Reader) ([]byte, error) {
	var signed bytes.Buffer
	for _, k := range keys {
		signer, err := dkim.NewSigner(&dkim.SignOptions{
			Domain: strings.TrimSuffix(canonical(k.Domain), "."), Selector: k.Selector, Signer: k.Signer, Hash: crypto.SHA256,
			HeaderCanonicalization: dkim.CanonicalizationRelaxed, BodyCanonicalization: dkim.CanonicalizationRelaxed,
			HeaderKeys: names(fields),
		})
		if err != nil {
			return nil, fmt.Errorf("sign with %s: %w", k.Selector, err)
		}
		_, err = io.Copy(signer, open())
		if ended := signer.Close(); err == nil {
			err = ended
		}
		if err != nil {
			return nil, fmt.Errorf("sign with %s: %w", k.Selector, err)
		}
		signed.WriteString(signer.Signature())
	}
	return signed.Bytes(), nil
}
