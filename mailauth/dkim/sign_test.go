package dkim

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"math/big"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/maildoctor/maildoctor/message"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// A pair signs what no library would: with small keys, over SHA-1.
type pair struct {
	public crypto.PublicKey
	n, d   *big.Int           // RSA
	ed     ed25519.PrivateKey // Ed25519
}

// makeRSA makes a key of any size, the same for the same seed.
func makeRSA(bits int, seed uint64) pair {
	e := big.NewInt(65537)
	rnd := rand.New(rand.NewPCG(seed, uint64(bits)))
	for {
		p, q := makePrime(rnd, bits/2), makePrime(rnd, bits-bits/2)
		one := big.NewInt(1)
		n := new(big.Int).Mul(p, q)
		phi := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
		if d := new(big.Int).ModInverse(e, phi); d != nil && n.BitLen() == bits {
			return pair{public: &rsa.PublicKey{N: n, E: 65537}, n: n, d: d}
		}
	}
}

// makePrime is a prime of so many bits, of which the first two are set.
func makePrime(rnd *rand.Rand, bits int) *big.Int {
	for {
		n := new(big.Int)
		for range bits / 64 {
			n.Or(n.Lsh(n, 64), new(big.Int).SetUint64(rnd.Uint64()))
		}
		n.SetBit(n.SetBit(n.SetBit(n, bits-1, 1), bits-2, 1), 0, 1)
		if n.ProbablyPrime(10) {
			return n
		}
	}
}

var (
	rsaPair   = sync.OnceValue(func() pair { return makeRSA(1024, 1) })
	smallPair = sync.OnceValue(func() pair { return makeRSA(768, 2) })
	otherPair = sync.OnceValue(func() pair { return makeRSA(1024, 3) })
	edPair    = sync.OnceValue(func() pair {
		private := ed25519.NewKeyFromSeed([]byte("0123456789abcdef0123456789abcdef"))
		return pair{public: private.Public(), ed: private}
	})
)

func (p pair) sign(digest []byte, hash string) []byte {
	if p.ed != nil {
		return ed25519.Sign(p.ed, digest)
	}
	size := (p.n.BitLen() + 7) / 8
	block := append([]byte{0, 1}, make([]byte, size-3-len(digestInfos[hash])-len(digest))...)
	for i := 2; i < len(block); i++ {
		block[i] = 0xff
	}
	block = append(append(append(block, 0), digestInfos[hash]...), digest...)
	return new(big.Int).Exp(new(big.Int).SetBytes(block), p.d, p.n).FillBytes(make([]byte, size))
}

// record is the key record of the pair.
func (p pair) record() string {
	key, err := New(p.public)
	if err != nil {
		panic(err)
	}
	return key.String()
}

// sign puts a signature of the pair in front of a message. The tags are all but
// bh and b, and end in a semicolon; bh is filled in unless they have it.
func sign(t testing.TB, text, tags string, p pair) string {
	t.Helper()
	m, _ := message.Parse([]byte(text))
	s, _ := ParseSignature(tags + " b=QQ==")
	if s.BodyHash == nil {
		w := newLimited(s.Hash(), s.Length)
		if err := s.BodyCanon.Body(w, m.Body); err != nil {
			t.Fatal(err)
		}
		tags += " bh=" + base64.StdEncoding.EncodeToString(w.hash.Sum(nil)) + ";"
	}
	open := "DKIM-Signature: " + tags + "\r\n\tb="
	whole, _ := message.Parse([]byte(open + "\r\n" + text))
	x := verifier{m: whole}
	v := Verdict{Signature: s, Covered: pick(whole, s.Fields, 0)}
	data := base64.StdEncoding.EncodeToString(p.sign(x.header(&v).digest(nil), s.Hash()))
	return open + data[:20] + "\r\n\t " + data[20:] + "\r\n" + text
}

// world answers with the texts of names; an empty list is NODATA, and a text
// that is "SERVFAIL" no answer.
func world(texts map[string][]string) resolve.Resolver {
	return resolve.Func(func(_ context.Context, q resolve.Question) (resolve.Answer, error) {
		list, exists := texts[record.Display(q.Name)]
		a := resolve.Answer{Question: q, Exists: exists}
		for _, text := range list {
			if text == "SERVFAIL" {
				return resolve.Answer{}, &resolve.Error{Question: q, Kind: resolve.ServFail}
			}
			a.Records = append(a.Records, record.TXT(q.Name, text))
		}
		return a, nil
	})
}

// at is the world with one key record.
func at(text string) resolve.Resolver {
	return world(map[string][]string{"s1._domainkey.example.org": {text}})
}

func parsed(text string) *message.Message {
	m, _ := message.Parse([]byte(text))
	return m
}

const letter = "Subject: Hello\r\nFrom: Anna <anna@example.org>\r\nTo: bob@example.net\r\nDate: Mon, 1 Jan 2024 10:00:00 +0000\r\nMessage-ID: <1@example.org>\r\n\r\n" +
	"Dear Bob,\r\n\r\nthis is  a letter.\r\nFrom here on it is good.\r\n\r\nAnna\r\n"

const (
	relaxedTags = "v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=s1; h=from:subject:to:date:reply-to:from;"
	simpleTags  = "v=1; a=rsa-sha256; d=example.org; s=s1; h=From:Subject:To:Date;"
	edTags      = "v=1; a=ed25519-sha256; c=relaxed/relaxed; d=example.org; s=s1; h=from:subject:to:date:reply-to:from;"
)

func replace(text, old, now string) string {
	if !strings.Contains(text, old) {
		panic("no " + old)
	}
	return strings.Replace(text, old, now, 1)
}
