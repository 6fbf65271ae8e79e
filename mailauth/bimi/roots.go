package bimi

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
)

// roots is the roots of authorities that are known to issue mark certificates,
// by SHA-256 of the certificate. They stand in no operating system's list, and
// each receiver keeps a list of its own, so this one names and does not judge.
var roots = map[string]string{
	"504386c9ee8932fecc95fade427f69c3e2534b7310489e300fee448e33c46b42": "DigiCert Verified Mark Root CA",
	"7831d95a47d42508cd5c9e6264f9096bac19f04eb9b7c8bdd35fffc71c189617": "Entrust Verified Mark Root Certification Authority - VMCR1",
	"cd122cb877c6928b9017b0f0b80dbd508196300bbd03cd7356c3beef524e7e0b": "GlobalSign Verified Mark Root R42",
	"6ae4f0b06b187a7fc2b5815d252b637629734ae64a409ccbb53b14a352563d61": "GoDaddy Verified Mark Root CA - VMCR1",
	"8f9d1b7698886782a599b48510651c66a1aa0c5ca3192097bdc68534154bd30d": "SSL.com VMC RSA Root CA 2024",
	"1b82e7f4910b51e3e802a493acdc17ff58eac8b9eb7c09b52ac6cd2efb83598c": "SSL.com VMC ECC Root CA 2024",
}

// KnownRoot is the name of a root of mark certificates that is known; empty for
// any other certificate.
func KnownRoot(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return roots[hex.EncodeToString(sum[:])]
}
