package daemon

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"unicode/utf8"

	"github.com/maildoctor/maildoctor/mta/smtpd"
)

// maxSecret bounds a file with a password, in octets.
const maxSecret = 4 << 10

// readSecret reads a password, or its hash: the first line of a file. open tells
// that others can read it. The error shows nothing of it.
func readSecret(path string) (text string, open bool, err error) {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("is no file")
	}
	if err != nil {
		return "", false, cannotRead(err)
	}
	if info.Size() > maxSecret {
		return "", false, fmt.Errorf("has %d octets, too many for a password", info.Size())
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return "", false, cannotRead(err)
	}
	defer clear(raw)
	if len(raw) > maxSecret || !utf8.Valid(raw) {
		return "", false, errors.New("holds no password: it is too large, or no text")
	}
	text, rest, _ := strings.Cut(string(raw), "\n")
	text = strings.TrimSuffix(text, "\r")
	switch {
	case strings.TrimSpace(rest) != "":
		return "", false, errors.New("has more than one line; the password is the only one")
	case text == "":
		return "", false, errors.New("is empty")
	}
	return text, info.Mode().Perm()&0o007 != 0 && runtime.GOOS != "windows", nil
}

// cannotRead is err without the path, which the caller names.
func cannotRead(err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	return fmt.Errorf("cannot be read: %w", err)
}

func address(local, domain string) smtpd.Address { return smtpd.Address{Local: local, Domain: domain} }
