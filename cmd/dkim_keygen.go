package cmd

import (
	"crypto"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/maildoctor/maildoctor/keyfile"
	"github.com/maildoctor/maildoctor/record"
)

// keygenFlags are the flags of dkim keygen as they are given.
type keygenFlags struct {
	domain    string
	selectors []string
	kind      *choice
	bits      *choice
	sized     func() bool // whether bits was given
	out       string
	now       func() time.Time
}

func (a *app) dkimKeygenCommand() *cobra.Command {
	f := keygenFlags{now: time.Now}
	var o *output
	cmd := &cobra.Command{
		Use:   "keygen",
		Short: "Make a key to sign mail with",
		Long: `Keygen makes a private key, writes it to DIRECTORY/DOMAIN.SELECTOR.key (PKCS #8
in PEM, mode 0600) and prints the record to publish. It writes over no file.

RSA with 2048 bits is right for nearly everybody. Not every receiver verifies
Ed25519 (RFC 8463): --type both makes a key of each, to sign with both. Each key
has a selector of its own; without --selector they are named by the year and
the next free letter: 2026a, 2026b.

Publish the record first, and let the signer use the key when the record is
seen everywhere: maildoctor dkim show tells. To change a key that signs already,
maildoctor dkim rotate does all of it.`,
		Example: `  maildoctor dkim keygen --domain example.com
  maildoctor dkim keygen --domain example.com --selector s1 --out /etc/dkim
  maildoctor dkim keygen --domain example.com --type both --selector rsa1,ed1`,
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error { return a.dkimKeygen(o, f) },
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVarP(&f.domain, "domain", "d", "", "the `domain` that the key signs for")
	flags.StringSliceVar(&f.selectors, "selector", nil, "the `selector`; with --type both that of RSA and\nthat of Ed25519")
	f.kind = choose(cmd, "type", "the kind of key: rsa, ed25519 or both", keyfile.RSA, keyfile.RSA, keyfile.Ed25519, "both")
	f.bits = choose(cmd, "bits", "the size of an RSA key: 2048, 3072 or\n4096", "2048", "2048", "3072", "4096")
	f.sized = func() bool { return flags.Changed("bits") }
	outFlag(cmd, &f.out)
	for _, name := range []string{"domain", "selector"} {
		_ = cmd.RegisterFlagCompletionFunc(name, cobra.NoFileCompletions)
	}
	o = a.outputFlags(cmd)
	return cmd
}

func (a *app) dkimKeygen(o *output, f keygenFlags) error {
	if f.domain == "" {
		return usage(errors.New("keygen needs the domain that the key signs for: --domain example.com"))
	}
	domain, err := parseDKIMDomain(f.domain)
	if err != nil {
		return err
	}
	kinds := []string{f.kind.value}
	if f.kind.value == "both" {
		kinds = []string{keyfile.RSA, keyfile.Ed25519}
	}
	if f.kind.value == keyfile.Ed25519 && f.sized() {
		return usage(errors.New("--bits is the size of an RSA key; one of Ed25519 always has 256"))
	}
	selectors, err := f.names(domain, len(kinds))
	if err != nil {
		return err
	}
	bits, err := strconv.Atoi(f.bits.value)
	if err != nil {
		return usage(err)
	}
	keys, err := f.make(domain, selectors, kinds, bits)
	if err != nil {
		return err
	}
	return o.print(func(w io.Writer) error {
		if o.format.value == "json" {
			return keysJSON(w, keys)
		}
		return f.page(w, keys)
	})
}

// names are the selectors, one for each key: those given, else the next free
// ones of the year.
func (f keygenFlags) names(domain string, n int) ([]string, error) {
	var names []string
	for _, text := range trimmed(f.selectors) {
		selector, err := parseKeySelector(text)
		if err != nil {
			return nil, err
		}
		names = append(names, selector)
	}
	switch {
	case len(names) == 0:
		return f.free(domain, n)
	case len(names) < n:
		return nil, usage(errors.New("--type both makes two keys, and each needs a selector of its own: --selector RSA,ED25519"))
	case len(names) > n:
		return nil, usage(fmt.Errorf("%d selectors are given for %s; make one at a time, or --type both", len(names), counted(n, "key")))
	case n == 2 && names[0] == names[1]:
		return nil, usage(fmt.Errorf("--selector %s is given twice; a selector has one key (RFC 6376, 3.6.2.2)", names[0]))
	}
	for _, selector := range names {
		if err := fits(domain, selector); err != nil {
			return nil, err
		}
		if path := filepath.Join(f.out, keyfile.Name(domain, selector)); isThere(path) {
			return nil, occupied(path)
		}
	}
	return names, nil
}

// free is the next selectors of the year that have no file.
func (f keygenFlags) free(domain string, n int) ([]string, error) {
	var names []string
	for letter := 'a'; letter <= 'z' && len(names) < n; letter++ {
		selector := fmt.Sprintf("%d%c", f.now().UTC().Year(), letter)
		if err := fits(domain, selector); err != nil {
			return nil, err
		}
		if !isThere(filepath.Join(f.out, keyfile.Name(domain, selector))) {
			names = append(names, selector)
		}
	}
	if len(names) < n {
		return nil, usage(fmt.Errorf("%s has keys of all letters of this year; give a --selector", f.out))
	}
	return names, nil
}

func isThere(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// make makes and writes the keys, all or none.
func (f keygenFlags) make(domain string, selectors, kinds []string, bits int) ([]signingKey, error) {
	var keys []signingKey
	for i, kind := range kinds {
		k, err := f.one(domain, selectors[i], kind, bits)
		if err != nil {
			for _, made := range keys { // of use to nobody without the others
				err = errors.Join(err, plainError(os.Remove(made.file)))
			}
			return nil, err
		}
		keys = append(keys, k)
	}
	noteAlone(keys)
	return keys, nil
}

func (f keygenFlags) one(domain, selector, kind string, bits int) (signingKey, error) {
	var private crypto.Signer
	private, err := keyfile.Generate(kind, bits)
	if err != nil {
		return signingKey{}, fmt.Errorf("no key was made: %w", err)
	}
	k := signingKey{domain: domain, selector: selector, public: private.Public()}
	if err := k.judge(); err != nil {
		return signingKey{}, err
	}
	return k.create(f.out, private)
}

// page tells what was made and what to do with it.
func (f keygenFlags) page(w io.Writer, keys []signingKey) error {
	p := keysPage{now: f.now()}
	for i, k := range keys {
		if i > 0 {
			p.line("")
		}
		p.line("Made:")
		if err := p.key(k); err != nil {
			return err
		}
		p.panel(k)
	}
	p.hint(keys)
	p.next(keys)
	return p.writeTo(w)
}

// next says how a new key comes into use without a signature that fails.
func (p *keysPage) next(keys []signingKey) {
	these, them, use, read := "this record", "it is", keys[0].file, "the file"
	name := record.Display(record.DKIMKey(keys[0].selector, keys[0].domain).Name)
	if len(keys) > 1 {
		these, them, read = "these records", "they are", "the files"
		name += " or " + record.Display(record.DKIMKey(keys[1].selector, keys[1].domain).Name)
		use = keys[0].file + " and " + keys[1].file + ", a signature with each"
	}
	p.steps(
		fmt.Sprintf("Publish %s beside what is there; what signs now goes on with its old key. If %s is taken already, publish nothing, and make the key again with another --selector.", these, name),
		fmt.Sprintf("Wait until %s seen: maildoctor dkim show %s tells, and how long resolvers may remember what was there before.", them, filepath.Dir(keys[0].file)),
		fmt.Sprintf("Let the signer use %s; it must be able to read %s, and nobody else.", use, read),
		"Leave the old record for a week: mail that waits in queues is signed with the old key (RFC 5321, 4.5.4.1).",
	)
}
