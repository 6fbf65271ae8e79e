package cmd

import (
	"crypto"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/maildoctor/maildoctor/keyfile"
	"github.com/maildoctor/maildoctor/mailauth/dkim"
	"github.com/maildoctor/maildoctor/record"
)

func (a *app) dkimCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dkim",
		Short: "Make, show and take over the keys that sign mail",
		Long: `Dkim works on the private keys with which a mail server signs (RFC 6376), and on
the records by which receivers check it. It configures no signer: it makes and
copies files, and says what to do with them. Only rotate publishes records, by
a provider. Private keys are never printed, and never written over.`,
		Example: `  maildoctor dkim keygen --domain example.com
  maildoctor dkim show dkim
  maildoctor dkim import /etc/opendkim/keys/example.com/mail.private
  maildoctor dkim rotate example.com`,
		Args: noCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },

		SuggestionsMinimumDistance: 2,
	}
	cmd.AddCommand(a.dkimKeygenCommand(), a.dkimShowCommand(), a.dkimImportCommand(), a.dkimRotateCommand())
	return cmd
}

const (
	// keyDir is where keys lie unless --out says otherwise.
	keyDir = "dkim"
	// keyTTL is that of the records that are printed, in seconds: an hour, as in
	// the standard profile.
	keyTTL = 3600
)

// A signingKey is a key as the commands of dkim speak of it. It holds the public
// half alone, so that nothing that is printed of it can hold the private one.
type signingKey struct {
	file             string // empty: none, it stands in the DNS alone
	domain, selector string // canonical; empty where they are not known
	public           crypto.PublicKey
	private          bool      // the file holds the private half
	modified         time.Time // of the file; zero where there is none
	notes            []string  // what its owner should know of it
	fault            string    // why the file is of no use; then there is no key

	published *publishedKey // nil: not asked
}

// record is the record to publish; its name is relative where the domain is
// not known.
func (k signingKey) record() (record.Record, error) {
	key, err := dkim.New(k.public)
	if err != nil {
		return record.Record{}, fmt.Errorf("holds a key that is %s, and DKIM signs with RSA (RFC 8301) and Ed25519 (RFC 8463)", keyfile.Describe(k.public))
	}
	r := record.TXT(record.DKIMKey(k.selector, k.domain).Name, key.String())
	r.TTL = keyTTL
	return r, nil
}

// named reports whether domain and selector are known.
func (k signingKey) named() bool { return k.domain != "" && k.selector != "" }

// leastVerified is the size in bits below which receivers ignore an RSA key, and
// leastRight that which signers should have (RFC 8301, 3.2).
const leastVerified, leastRight = 1024, keyfile.LeastBits

// judge notes what the owner should know of the key, and is the error of one
// that is of no use for DKIM.
func (k *signingKey) judge() error {
	if _, err := k.record(); err != nil {
		return err
	}
	key, _ := dkim.New(k.public) // has just succeeded
	switch bits := key.Bits(); {
	case key.Type == dkim.RSA && bits < leastVerified:
		return fmt.Errorf("holds an RSA key of %d bits, and receivers ignore those below %d (RFC 8301, 3.2); make a new one with maildoctor dkim keygen", bits, leastVerified)
	case key.Type == dkim.RSA && bits < leastRight:
		k.notes = append(k.notes, fmt.Sprintf("RSA of %d bits is weak: signers should use %d or more (RFC 8301, 3.2); make a new one with maildoctor dkim keygen", bits, leastRight))
	case key.Type == dkim.RSA && bits > keyfile.MostBits:
		k.notes = append(k.notes, fmt.Sprintf("receivers need not verify RSA keys above %d bits (RFC 8301, 3.2), and this one has %d", keyfile.MostBits, bits))
	}
	return nil
}

// noteAlone notes Ed25519 keys that have no RSA key of their domain beside them.
func noteAlone(keys []signingKey) {
	for i := range keys {
		rsaBeside := func(k signingKey) bool { return k.domain == keys[i].domain && kindOf(k.public) == keyfile.RSA }
		if kindOf(keys[i].public) == keyfile.Ed25519 && !slices.ContainsFunc(keys, rsaBeside) {
			keys[i].notes = append(keys[i].notes, "not every receiver verifies Ed25519 (RFC 8463): sign with an RSA key beside it, not with this one alone")
		}
	}
}

// identity is the flags that say of which domain and selector a key is.
type identity struct{ domain, selector string }

func (f *identity) add(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&f.domain, "domain", "d", "", "the `domain` that the key signs for")
	cmd.Flags().StringVar(&f.selector, "selector", "", "the `selector` of the key (s= of its signatures)")
	for _, name := range []string{"domain", "selector"} {
		_ = cmd.RegisterFlagCompletionFunc(name, cobra.NoFileCompletions)
	}
}

// read is the flags, canonical; empty where they are not given.
func (f identity) read() (domain, selector string, err error) {
	if f.domain != "" {
		if domain, err = parseDKIMDomain(f.domain); err != nil {
			return "", "", err
		}
	}
	if f.selector != "" {
		if selector, err = parseKeySelector(f.selector); err != nil {
			return "", "", err
		}
	}
	return domain, selector, fits(domain, selector)
}

func parseDKIMDomain(text string) (string, error) {
	domain, err := record.ParseDomain(text)
	if err != nil {
		return "", usage(fmt.Errorf("--domain %q %w; give the domain of the addresses that send, as in example.com", text, err))
	}
	return domain, nil
}

// parseKeySelector takes a selector that can be part of the name of a file.
func parseKeySelector(text string) (string, error) {
	selector, err := parseSelector(strings.TrimSpace(text))
	if err == nil && !keyfile.IsSelector(selector) {
		err = fmt.Errorf("--selector %q is not a selector: its labels begin and end with a letter or a digit (RFC 6376, 3.1)", text)
	}
	return selector, usage(err)
}

// fits refuses names that are longer than the DNS has them (RFC 1035, 2.3.4).
func fits(domain, selector string) error {
	const most = 253
	if name := record.Display(record.DKIMKey(selector, domain).Name); domain != "" && len(name) > most {
		return usage(fmt.Errorf("the name of the record would have %d characters, and a name has %d at most; choose a shorter --selector", len(name), most))
	}
	return nil
}

// outFlag adds --out.
func outFlag(cmd *cobra.Command, dir *string) {
	cmd.Flags().StringVar(dir, "out", keyDir, "the `directory` of the new file; made with mode 0700\nif it is not there")
	_ = cmd.MarkFlagDirname("out")
}

// create writes a key to a file of its own and is the key with that file.
func (k signingKey) create(dir string, private crypto.Signer) (signingKey, error) {
	path, err := keyfile.Create(dir, keyfile.Name(k.domain, k.selector), private)
	if errors.Is(err, fs.ErrExist) {
		return k, occupied(filepath.Join(dir, keyfile.Name(k.domain, k.selector)))
	}
	if err != nil {
		return k, fmt.Errorf("cannot write a key to %s: %w", dir, plainError(err))
	}
	info, err := os.Stat(path)
	if err != nil {
		return k, fmt.Errorf("%s was written and is gone: %w", path, plainError(err))
	}
	k.file, k.private, k.modified = path, true, info.ModTime()
	if info, err := os.Stat(dir); err == nil && keyfile.Exposed(info.Mode()&0o022) {
		k.notes = append(k.notes, fmt.Sprintf("others may replace the files in %s (mode %04o): chmod 700 %[1]s", dir, info.Mode().Perm()))
	}
	return k, nil
}

// occupied is the error of a file that is there already.
func occupied(path string) error {
	return usage(fmt.Errorf("%s is there already, and a key is never written over; give another --selector or --out, or look at it with maildoctor dkim show %[1]s", path))
}

// differs reports whether something else than the key is published, and unknown
// whether that could not be told, of any of the keys.
func differs(keys []signingKey) (differs, unknown bool) {
	differs = slices.ContainsFunc(keys, func(k signingKey) bool { return k.published != nil && k.published.differs() })
	unknown = slices.ContainsFunc(keys, func(k signingKey) bool { return k.published != nil && k.published.err != nil })
	return differs, unknown
}
