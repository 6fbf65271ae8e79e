package local

import (
	"crypto/x509"
	"errors"

	"github.com/maildoctor/maildoctor/keyfile"
)

var (
	errNoKey  = errors.New("holds no private key that can be read")
	errLocked = keyfile.ErrEncrypted
)

// publicHalf is the SubjectPublicKeyInfo of the first private key in data, in
// the forms that signers keep keys in. It keeps nothing of data, which the
// caller clears.
func publicHalf(data []byte) ([]byte, error) {
	keys, err := keyfile.Parse(data)
	switch {
	case errors.Is(err, errLocked):
		return nil, errLocked
	case err != nil:
		return nil, errNoKey
	}
	der, err := x509.MarshalPKIXPublicKey(keys[0].Public())
	if err != nil {
		return nil, errNoKey
	}
	return der, nil
}
