package arc

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/message"
)

// signed are the fields that a message signature covers, as often as they are
// there: those that say what the message is, and the signatures that others made
// (RFC 8617, 4.1.2). Not among them is what every host on the way adds.
var signed = []string{
	"From", "Sender", "Reply-To", "To", "Cc", "Subject", "Date", "Message-ID", "In-Reply-To", "References", "MIME-Version", "Content-Type",
	"Content-Transfer-Encoding", "Content-ID", "List-ID", "List-Post", "List-Help", "List-Unsubscribe", "List-Unsubscribe-Post", "DKIM-Signature",
}

// A Sealer adds sets in the name of a domain.
type Sealer struct {
	Domain   string // d=, in A-labels
	Selector string // s=
	// Key is an RSA key: *rsa.PrivateKey or another with such a public key. Ed25519
	// (RFC 8463) works, too, but not all who validate chains know it in ARC: dkimpy
	// 1.1 fails such a chain.
	Key crypto.Signer
}

// Seal makes the set that is to stand in front of a message (RFC 8617, 5.1): the
// seal, the message signature and results, which is the whole field
// ARC-Authentication-Results with the instance that chain.Next gives. The chain is
// what Validate made of the same message; it decides what cv says. The message is
// sealed as it travels, with CRLF, and must not be changed afterwards.
//
// A chain that failed gets a set that says so, and signs that set alone (RFC 8617,
// 5.1.2); also one that failed for want of an answer from the DNS.
func (s Sealer) Seal(m *message.Message, chain Chain, results string, now time.Time) (fields []byte, err error) {
	instance, ok := chain.Next()
	if !ok {
		return nil, errors.New("arc: the chain takes no further set")
	}
	if m.Cut {
		return nil, errors.New("arc: the message is too large to be sealed")
	}
	if len(m.Raw) > 0 && (m.Raw[0] == ' ' || m.Raw[0] == '\t') {
		return nil, errors.New("arc: the message begins with white space, which would continue a field put in front of it")
	}
	algorithm, err := s.algorithm()
	if err != nil {
		return nil, err
	}
	if err := s.valid(); err != nil {
		return nil, err
	}
	aar, err := resultsField(results, instance)
	if err != nil {
		return nil, err
	}
	w := work{sealer: s, m: m.CRLF(), instance: instance, algorithm: algorithm, now: now}
	ams, err := w.message()
	if err != nil {
		return nil, err
	}
	seal, err := w.seal(chain, aar, ams)
	if err != nil {
		return nil, err
	}
	return slices.Concat(seal.Raw, ams.Raw, aar.Raw), nil
}

// algorithm is a= for the key (RFC 8617, 4.1.2; RFC 8301, 3.2; RFC 8463, 3).
func (s Sealer) algorithm() (string, error) {
	if s.Key == nil {
		return "", errors.New("arc: no key to seal with")
	}
	switch pub := s.Key.Public().(type) {
	case *rsa.PublicKey:
		if bits := pub.N.BitLen(); bits < 1024 {
			return "", fmt.Errorf("arc: an RSA key of %d bits counts nowhere; 1024 are the least, 2048 are usual", bits)
		}
		return "rsa-sha256", nil
	case ed25519.PublicKey:
		return "ed25519-sha256", nil
	}
	return "", fmt.Errorf("arc: a %T cannot seal", s.Key)
}

// valid refuses what would break the tag list.
func (s Sealer) valid() error {
	for what, text := range map[string]string{"domain": s.Domain, "selector": s.Selector} {
		bad := strings.IndexFunc(text, func(r rune) bool {
			return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.')
		})
		if text == "" || bad >= 0 {
			return fmt.Errorf("arc: %.80q is not a %s", text, what)
		}
	}
	return nil
}

// resultsField reads the field that the caller brings, and holds it to be that
// one field with that instance.
func resultsField(text string, instance int) (message.Field, error) {
	if !strings.HasSuffix(text, "\r\n") {
		text += "\r\n"
	}
	m, problems := message.Parse([]byte(text + "\r\n"))
	if len(m.Fields) != 1 || len(problems) > 0 || len(m.Body) > 0 || !m.Fields[0].Is(ResultsName) || m.Octets().BareLF.N+m.Octets().BareCR.N > 0 {
		return message.Field{}, errors.New("arc: the results are not one field " + ResultsName)
	}
	if n, why := instanceOf(m.Fields[0]); why != "" || n != instance {
		return message.Field{}, fmt.Errorf("arc: the results are not those of instance %d", instance)
	}
	return m.Fields[0], nil
}

// A work is the making of one set.
type work struct {
	sealer    Sealer
	m         *message.Message
	instance  int
	algorithm string
	now       time.Time
}

// message makes the ARC-Message-Signature.
func (w work) message() (message.Field, error) {
	body := sha256.New()
	_ = message.Relaxed.Body(body, w.m.Body) // a hash does not fail
	header := sha256.New()
	var names []string
	for _, name := range signed {
		for i := len(w.m.Fields) - 1; i >= 0; i-- { // from the bottom up (RFC 6376, 5.4.2)
			if f := w.m.Fields[i]; f.Is(name) {
				names = append(names, name)
				header.Write(message.Relaxed.Field(f))
			}
		}
	}
	if !slices.Contains(names, "From") { // it must be named (RFC 6376, 5.4), also where it is not there
		names = append([]string{"From"}, names...)
	}
	head := fmt.Sprintf(" i=%d; a=%s; c=relaxed/relaxed;\r\n d=%s; s=%s; t=%d;\r\n h=%s;\r\n bh=%s;\r\n b=",
		w.instance, w.algorithm, w.sealer.Domain, w.sealer.Selector, w.now.Unix(), list(names), base64.StdEncoding.EncodeToString(body.Sum(nil)))
	header.Write(own(MessageName, head))
	return w.sign(MessageName, head, header.Sum(nil))
}

// seal makes the ARC-Seal over the sets before and the new one (RFC 8617, 5.1.1).
func (w work) seal(chain Chain, aar, ams message.Field) (message.Field, error) {
	sum := sha256.New()
	cv := chain.Status
	if cv == Pass {
		sets, _ := collect(w.m)
		for _, s := range sets {
			for _, i := range []int{s.Results, s.Message, s.Seal} {
				sum.Write(message.Relaxed.Field(w.m.Fields[i]))
			}
		}
	}
	sum.Write(message.Relaxed.Field(aar))
	sum.Write(message.Relaxed.Field(ams))
	head := fmt.Sprintf(" i=%d; a=%s; cv=%s;\r\n d=%s; s=%s; t=%d;\r\n b=", w.instance, w.algorithm, cv, w.sealer.Domain, w.sealer.Selector, w.now.Unix())
	sum.Write(own(SealName, head))
	return w.sign(SealName, head, sum.Sum(nil))
}

// own is a field without its b, as it is hashed last (RFC 6376, 3.7).
func own(name, value string) []byte {
	return bytes.TrimSuffix(message.Relaxed.Field(message.NewField(name, value+"\r\n")), []byte("\r\n"))
}

// sign ends a field with the signature of a digest.
func (w work) sign(name, head string, digest []byte) (message.Field, error) {
	var options crypto.SignerOpts = crypto.SHA256
	if strings.HasPrefix(w.algorithm, "ed25519") {
		options = crypto.Hash(0) // the digest itself is signed (RFC 8463, 3)
	}
	data, err := w.sealer.Key.Sign(rand.Reader, digest, options)
	if err != nil {
		return message.Field{}, fmt.Errorf("arc: the key does not sign: %w", err)
	}
	text := base64.StdEncoding.EncodeToString(data)
	var b strings.Builder
	b.WriteString(head)
	for len(text) > 72 {
		b.WriteString(text[:72] + "\r\n ")
		text = text[72:]
	}
	return message.NewField(name, b.String()+text+"\r\n"), nil
}

// list is names with colons, folded to lines of less than 78 octets.
func list(names []string) string {
	var b strings.Builder
	line := len(" h=")
	for i, name := range names {
		if i > 0 {
			b.WriteByte(':')
			line++
		}
		if line+len(name) > 74 {
			b.WriteString("\r\n ")
			line = 1
		}
		b.WriteString(name)
		line += len(name)
	}
	return b.String()
}
