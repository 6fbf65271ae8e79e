package keyfile

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/maildoctor/maildoctor/record"
)

func TestCreate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "dkim")
	key := must(Generate(Ed25519, 0))
	path, err := Create(dir, "example.org.s.key", key)
	if err != nil {
		t.Fatal(err)
	}
	before := must(os.ReadFile(path))
	if keys := must(Parse(before)); !contains(keys, key) || !bytes.HasPrefix(before, []byte("-----BEGIN PRIVATE KEY-----")) {
		t.Error("another key is in the file")
	}
	if runtime.GOOS != "windows" {
		if mode := must(os.Stat(path)).Mode(); mode != 0o600 {
			t.Errorf("the file has mode %v", mode)
		}
		if mode := must(os.Stat(dir)).Mode().Perm(); mode != 0o700 {
			t.Errorf("the directory has mode %v", mode)
		}
	}

	if _, err := Create(dir, "example.org.s.key", must(Generate(Ed25519, 0))); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over a file: %v", err)
	}
	if !bytes.Equal(must(os.ReadFile(path)), before) {
		t.Error("the file was written over")
	}
	for _, name := range []string{"../x.key", "/x.key", "a/b.key", ""} {
		if _, err := Create(dir, name, key); err == nil {
			t.Errorf("%q was written", name)
		}
	}
	if err := os.Symlink(filepath.Join(dir, "elsewhere"), filepath.Join(dir, "link.key")); err == nil {
		if _, err := Create(dir, "link.key", key); !errors.Is(err, fs.ErrExist) {
			t.Errorf("through a dangling link: %v", err)
		}
	}
	if _, err := Create(path, "x.key", key); err == nil {
		t.Error("a file passed for a directory")
	}
}

func TestGenerate(t *testing.T) {
	for _, c := range []struct {
		kind string
		bits int
		want string // of the error
	}{
		{RSA, 1024, "an RSA key of 1024 bits is not made"},
		{RSA, 1 << 20, "is not made"},
		{"dsa", 2048, "no kind of key"},
	} {
		if key, err := Generate(c.kind, c.bits); err == nil || key != nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %d: %v", c.kind, c.bits, err)
		}
	}
}

func TestRead(t *testing.T) {
	dir := t.TempDir()
	file, link := filepath.Join(dir, "k"), filepath.Join(dir, "l")
	must(0, os.WriteFile(file, []byte("text"), 0o600))
	must(0, os.WriteFile(filepath.Join(dir, "large"), make([]byte, MaxSize+1), 0o600))
	must(0, os.Symlink(file, link))
	must(0, os.Symlink(filepath.Join(dir, "none"), filepath.Join(dir, "dangling")))
	if data, info, err := Read(file); err != nil || string(data) != "text" || info.Size() != 4 {
		t.Errorf("%q, %v", data, err)
	}
	for path, want := range map[string]string{
		link:                           "is a symbolic link; name the file itself: " + must(filepath.EvalSymlinks(file)),
		filepath.Join(dir, "dangling"): "is a symbolic link that leads nowhere",
		dir:                            "is a directory; name a file in it",
		os.DevNull:                     "is a device, a pipe or a socket, not a file",
		filepath.Join(dir, "large"):    "has 65537 octets or more; a file of keys has 65536 at most",
		filepath.Join(dir, "none"):     "no such file or directory",
	} {
		if data, _, err := Read(path); err == nil || err.Error() != want || data != nil {
			t.Errorf("%s: %v, want %s", path, err, want)
		}
	}
	broken := errors.New("broken")
	if _, err := From(io.MultiReader(strings.NewReader("x"), iotest.ErrReader(broken))); err != broken {
		t.Errorf("a broken stream: %v", err)
	}
	if _, err := From(iotest.OneByteReader(bytes.NewReader(make([]byte, MaxSize+1)))); err == nil {
		t.Error("an endless stream was read")
	}
	if data, err := From(bytes.NewReader(make([]byte, MaxSize))); err != nil || len(data) != MaxSize {
		t.Errorf("the largest file: %v", err)
	}
}

func TestExposed(t *testing.T) {
	for mode, want := range map[fs.FileMode]bool{0o600: false, 0o400: false, 0o640: false, 0o604: true, 0o660: true, 0o711: false, 0o722: true} {
		if got := Exposed(mode); got != want && runtime.GOOS != "windows" {
			t.Errorf("%v: %v", mode, got)
		}
	}
}

// Whatever a file is called, what is read off its name can be part of one.
func FuzzNamed(f *testing.F) {
	for _, seed := range []string{"dkim/example.org.2026a.key", "example.org/mail.private", "s._domainkey.example.org.20260101T120000.rsa2048.privatekey.pkcs8.pem", "rsa-2048-a-example.org.private.txt"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, path string) {
		for _, s := range Sources() {
			domain, selector, ok := s.Named(path)
			if ok && (!IsSelector(selector) || filepath.Base(Name(domain, selector)) != Name(domain, selector)) {
				t.Errorf("%s: %q and %q", s.Name, domain, selector)
			}
		}
	})
}

func TestNamed(t *testing.T) {
	for _, c := range []struct{ source, path, want string }{
		{Auto, "dkim/example.org.2026a.key", "2026a._domainkey.example.org."},
		{Auto, "example.org.Mail.pem", "mail._domainkey.example.org."},
		{Auto, "/etc/opendkim/keys/example.org/default.private", "default._domainkey.example.org."},
		{Auto, "s1._domainkey.example.org.20260101T120000.rsa2048.privatekey.pkcs8.pem", "s1._domainkey.example.org."},
		{Auto, "s1._domainkey.example.org.ed25519.privatekey.pkcs8.pem", "s1._domainkey.example.org."},
		{Auto, "s1._domainkey.example.org.key.pkcs8.pem", "s1._domainkey.example.org."},
		{Auto, "rspamd/dkim/rsa-2048-mail-my-shop.example.private.txt", "mail._domainkey.my-shop.example."},
		{Auto, "ed25519-mail-example.org.private.txt", "mail._domainkey.example.org."},
		{Auto, "example.org.key", ""}, // the domain "example" is none
		{Auto, "dkim.key", ""},
		{Auto, "-", ""},
		{Auto, "keys/mail.private", ""},
		{Auto, "example.org.-a.key", ""},
		{Auto, "ex ample.org.a.key", ""},
		{Auto, "._domainkey..pem", ""},
		{"mailu", "/mailu/dkim/bücher.example.dkim.key", "dkim._domainkey.xn--bcher-kva.example."},
		{"mailu", "example.org/mail.private", ""},
		{"mailcow", "example.org.dkim.key", ""},
		{"docker-mailserver", "keys/example.org/mail.private", "mail._domainkey.example.org."},
		{"exim", "example.org.mail.key", "mail._domainkey.example.org."},
	} {
		source, ok := FindSource(c.source)
		if !ok {
			t.Fatalf("no source %s", c.source)
		}
		domain, selector, ok := source.Named(c.path)
		got := ""
		if ok {
			got = record.DKIMKey(selector, domain).Name
		}
		if got != c.want {
			t.Errorf("%s, %s: %q, want %q", c.source, c.path, got, c.want)
		}
	}
	if _, ok := FindSource("qmail"); ok {
		t.Error("a source that nobody knows")
	}
	if domain, selector, ok := (Sources()[0]).Named(Name("example.org.", "2026a")); !ok || domain != "example.org." || selector != "2026a" {
		t.Error("its own names are not known to it")
	}
}
