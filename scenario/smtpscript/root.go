package smtpscript

import "crypto/x509"

// Root is the certificate of the authority that the world trusts.
func (ca *CA) Root() *x509.Certificate { return ca.root.cert }
