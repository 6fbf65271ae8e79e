package dkim

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"math/big"
)

// Sizes of RSA keys, in bits. Verifiers must not accept less than the first, and
// must be able to take up to the second (RFC 8301, 3.2); beyond the last nothing
// is computed here.
const (
	MinRSABits = 1024
	MaxRSABits = 4096

	hugeRSABits = 16384
)

// A seal is what the public key makes of a signature: a way to ask whether it
// signs a digest, and for RSA the digest itself.
type seal struct {
	public crypto.PublicKey
	data   []byte
	hash   string // sha256 or sha1, of the algorithm the signature names
	digest []byte // of RSA: what was signed; nil where the key did not make the signature
	other  string // of RSA: the hash that the signature names inside, where it is not hash
}

// digestInfos are the DER prefixes of a digest (RFC 8017, 9.2, notes 1).
var digestInfos = map[string][]byte{
	"sha256": unhex("3031300d060960864801650304020105000420"),
	"sha1":   unhex("3021300906052b0e03021a05000414"),
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

// open applies the public key. An RSA signature gives up the digest that was
// signed (RFC 8017, 8.2.2), so variants of a header are compared without
// computing with the key again.
func open(public crypto.PublicKey, data []byte, hash string) seal {
	s := seal{public: public, data: data, hash: hash}
	pub, ok := public.(*rsa.PublicKey)
	if !ok || pub.N.BitLen() > hugeRSABits || pub.E < 2 || len(data) != pub.Size() {
		return s
	}
	n := new(big.Int).SetBytes(data)
	if n.Cmp(pub.N) >= 0 || pub.N.Sign() <= 0 || pub.N.Bit(0) == 0 {
		return s
	}
	block := new(big.Int).Exp(n, big.NewInt(int64(pub.E)), pub.N).FillBytes(make([]byte, pub.Size()))
	for name, prefix := range digestInfos {
		size := sha256.Size
		if name == "sha1" {
			size = sha1.Size
		}
		if digest, ok := unpad(block, prefix, size); ok {
			s.digest = digest
			if name != hash {
				s.other = name
			}
		}
	}
	return s
}

// unpad is the digest in an EMSA-PKCS1-v1_5 block (RFC 8017, 9.2): 00 01, at
// least eight FF to the very length, 00, the prefix, the digest, and no octet more.
func unpad(block, prefix []byte, size int) (digest []byte, ok bool) {
	fill := len(block) - 3 - len(prefix) - size
	if fill < 8 || block[0] != 0 || block[1] != 1 || block[2+fill] != 0 {
		return nil, false
	}
	for _, c := range block[2 : 2+fill] {
		if c != 0xff {
			return nil, false
		}
	}
	if !bytes.Equal(block[3+fill:3+fill+len(prefix)], prefix) {
		return nil, false
	}
	return block[len(block)-size:], true
}

// signs reports whether the signature is one of digest.
func (s seal) signs(digest []byte) bool {
	switch pub := s.public.(type) {
	case *rsa.PublicKey:
		return s.other == "" && s.digest != nil && bytes.Equal(s.digest, digest)
	case ed25519.PublicKey:
		return len(pub) == ed25519.PublicKeySize && ed25519.Verify(pub, digest, s.data) // RFC 8463, 3
	}
	return false
}

// foreign reports whether it is certain that the key did not make the signature.
// Of Ed25519 nothing of the kind can be told.
func (s seal) foreign() bool {
	_, isRSA := s.public.(*rsa.PublicKey)
	return isRSA && s.digest == nil
}
