package daemon

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/maildoctor/maildoctor/mta/smtpd"
)

// maxSecret bounds a file with a password, in octets.
const maxSecret = 4 << 10

// A secret is a password, or its hash.
type secret struct {
	text  string
	open  bool      // others can read the file
	since time.Time // when it was written
}

// readSecret reads the only line of a file. The error shows nothing of it.
func readSecret(path string) (s secret, err error) {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("is no file")
	}
	if err != nil {
		return s, cannotRead(err)
	}
	if info.Size() > maxSecret {
		return s, fmt.Errorf("has %d octets, too many for a password", info.Size())
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return s, cannotRead(err)
	}
	defer clear(raw)
	if len(raw) > maxSecret || !utf8.Valid(raw) {
		return s, errors.New("holds no password: it is too large, or no text")
	}
	text, rest, _ := strings.Cut(string(raw), "\n")
	s.text = strings.TrimSuffix(text, "\r")
	switch {
	case strings.TrimSpace(rest) != "":
		return s, errors.New("has more than one line; the password is the only one")
	case s.text == "":
		return s, errors.New("is empty")
	}
	s.open, s.since = info.Mode().Perm()&0o007 != 0 && runtime.GOOS != "windows", info.ModTime()
	return s, nil
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
