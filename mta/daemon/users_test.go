package daemon

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/desired"
	"github.com/maildoctor/maildoctor/mta/smtpd"
)

// counted is a password that counts how often it was looked at.
type counted struct {
	password string
	looked   *int
}

func (c counted) verify(password string) bool { *c.looked++; return password == c.password }

// TestUnknownUser: whoever does not exist costs one look at a password, and the same
// one each time.
func TestUnknownUser(t *testing.T) {
	u := newUsers()
	if err := u.Authenticate(t.Context(), "ann", "x"); !errors.Is(err, smtpd.ErrCredentials) {
		t.Errorf("without users: %v", err)
	}
	var looked [3]int
	u.list.Store(&[]user{{name: "ann", secret: counted{"a", &looked[0]}}, {name: "ben", secret: counted{"b", &looked[1]}}, {name: "cy", secret: counted{"c", &looked[2]}}})
	for _, password := range []string{"a", "b", "c", ""} {
		if err := u.Authenticate(t.Context(), "eve", password); !errors.Is(err, smtpd.ErrCredentials) {
			t.Errorf("eve logs in with %q: %v", password, err)
		}
	}
	if looked[0]+looked[1]+looked[2] != 4 || looked[0] != 4 && looked[1] != 4 && looked[2] != 4 {
		t.Errorf("passwords are looked at %v times", looked)
	}
	if err := u.Authenticate(t.Context(), "ben", "b"); err != nil {
		t.Error(err)
	}
	for range cap(u.slots) {
		u.slots <- struct{}{}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := u.Authenticate(ctx, "ben", "b"); !errors.Is(err, context.Canceled) {
		t.Errorf("while others are looked at: %v", err)
	}
}

func TestHashes(t *testing.T) {
	for hash, password := range map[string]string{
		// The second is of the test vectors of the reference implementation of Argon2, the
		// other of crypt(3).
		"$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW":                         "secret",
		"$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4": "password",
	} {
		if !isHash(hash) {
			t.Fatalf("%s is not taken for a hash", hash)
		}
		v, err := readHash(hash)
		if err != nil {
			t.Fatal(err)
		}
		if !v.verify(password) || v.verify("Secret") || v.verify("") {
			t.Errorf("%s", hash)
		}
	}
	if a := hashed("secret"); !a.verify("secret") || a.verify("secret ") {
		t.Error("a password of a file")
	}
	for _, hash := range []string{"$argon2id$v=19$m=64,t=1,p=2$c29tZXNhbHQxMjM", "$argon2id$v=19$m=x,t=1,p=2$a$b", "$argon2id$v=19$m=64,t=1,p=2$!$!"} {
		if _, err := readHash(hash); err == nil || strings.Contains(err.Error(), "m=") {
			t.Errorf("%s: %v", hash, err)
		}
	}
}

func TestMaySend(t *testing.T) {
	u := newUsers()
	u.list.Store(&[]user{{name: "ann", senders: []string{"ann@example.com", "@xn--bcher-kva.example"}}})
	for _, c := range []struct {
		user, local, domain string
		may                 bool
	}{
		{"ann", "ann", "example.com", true}, {"ann", "ANN", "EXAMPLE.com.", true}, {"ann", "", "", true}, {"ann", "ben", "example.com", false},
		{"ann", "x", "bücher.example", true}, {"ann", "x", "xn--bcher-kva.example", true}, {"ann", "x", "sub.xn--bcher-kva.example", false},
		{"ann", "ann", "", false}, {"ann", "ann", "[192.0.2.1]", false}, {"eve", "ann", "example.com", false}, {"ann", "@example.com", "", false},
	} {
		if got := u.MaySend(c.user, smtpd.Address{Local: c.local, Domain: c.domain}); got != c.may {
			t.Errorf("%s as %s@%s: %v", c.user, c.local, c.domain, got)
		}
	}
}

// TestHashPassword: the hash is one that the file takes, and that knows its password
// alone; what nobody could log in with is refused without showing it.
func TestHashPassword(t *testing.T) {
	text, err := HashPassword("Grüße hunter2")
	if err != nil || desired.CheckHash(text) != "" {
		t.Fatalf("%q, %v", text, err)
	}
	hash, err := readHash(text)
	if err != nil || !hash.verify("Grüße hunter2") || hash.verify("hunter2") {
		t.Errorf("%q, %v", text, err)
	}
	for _, password := range []string{"", "hunter2\x00", "hunter2\xff", strings.Repeat("hunter2", 1<<10)} {
		if _, err := HashPassword(password); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%.10q: %v", password, err)
		}
	}
}
