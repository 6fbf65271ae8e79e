package cmd

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/maildoctor/maildoctor/keyfile"
	"github.com/maildoctor/maildoctor/record"
)

// importFlags are the flags of dkim import as they are given.
type importFlags struct {
	identity
	askFlags
	from  *choice
	kind  *choice
	typed func() bool // whether kind was given
	out   string
	now   func() time.Time
}

func (a *app) dkimImportCommand() *cobra.Command {
	f := importFlags{now: time.Now}
	var o *output
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "Take over the key of another signer",
		Long: `Import copies the private key of another signer to DIRECTORY/DOMAIN.SELECTOR.key
(PKCS #8 in PEM, mode 0600), prints the record that belongs to it, and tells
whether that is what is published. It leaves FILE alone, and writes over none.

FILE may be PEM, the base64 of it or of DER, the 32 octets of an Ed25519 key in
base64, or a configuration with a key in it; - is standard input, for keys that
are kept elsewhere, as mailcow's in Redis. Domain and selector are read off the
name of the file as the signer chooses it, unless they are given.

Where signers keep their keys:
` + wheresHelp(),
		Example: `  maildoctor dkim import /etc/opendkim/keys/example.com/mail.private
  maildoctor dkim import --from mailu /mailu/dkim/example.com.dkim.key
  redis-cli HGET DKIM_PRIV_KEYS dkim.example.com |
    maildoctor dkim import --from mailcow -d example.com --selector dkim -`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage(errors.New("dkim import takes one file; - is standard input"))
			}
			return a.dkimImport(cmd.Context(), o, f, args[0])
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	f.from = choose(cmd, "from", "whose key it is: auto, opendkim, rspamd, mailu,\nmailcow, mox, stalwart, docker-mailserver, exim", keyfile.Auto, keyfile.SourceNames()...)
	f.identity.add(cmd)
	f.kind = choose(cmd, "type", "which one of several in FILE: rsa or ed25519", keyfile.RSA, keyfile.RSA, keyfile.Ed25519)
	flags.Lookup("type").DefValue, flags.Lookup("from").DefValue = "", "" // the help has them
	f.typed = func() bool { return flags.Changed("type") }
	outFlag(cmd, &f.out)
	f.askFlags.add(cmd)
	o = a.outputFlags(cmd)
	return cmd
}

// wheresHelp is where the sources keep their keys, as lines of a help page.
func wheresHelp() string {
	var b strings.Builder
	for _, s := range keyfile.Sources() {
		if s.Where == "" {
			continue
		}
		for i, l := range wrapped(s.Where, 60) {
			name := s.Name
			if i > 0 {
				name = ""
			}
			fmt.Fprintf(&b, "  %-17s  %s\n", name, l)
		}
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func (a *app) dkimImport(ctx context.Context, o *output, f importFlags, path string) error {
	domain, selector, err := f.read()
	if err != nil {
		return err
	}
	source, ok := keyfile.FindSource(f.from.value)
	if !ok {
		return usage(fmt.Errorf("no signer %q is known", f.from.value))
	}
	if !f.offline { // told before anything is written
		if _, err := resolvers(f.dns.resolvers); err != nil {
			return err
		}
	}
	private, notes, err := f.private(path, a.in, source)
	if err != nil {
		return usage(err)
	}
	k, err := f.key(path, source, domain, selector, private)
	if err != nil {
		return usage(err)
	}
	k.notes = append(notes, k.notes...)
	if k, err = k.create(f.out, private); err != nil {
		return err
	}
	keys := []signingKey{k}
	noteAlone(keys)
	asked := f.ask(ctx, keys)
	return errors.Join(o.print(func(w io.Writer) error {
		if o.format.value == "json" {
			return keysJSON(w, keys)
		}
		return f.page(w, path, keys)
	}), asked)
}

// private is the key in a file, with what is to be said of the file.
func (f importFlags) private(path string, in io.Reader, source keyfile.Source) (crypto.Signer, []string, error) {
	data, about, err := readKeys(path, in)
	if err != nil {
		return nil, nil, err
	}
	defer clear(data)
	list, err := keyfile.Parse(data)
	if err != nil {
		return nil, nil, fmt.Errorf("%s %w%s", sourceName(path), err, advice(err, source))
	}
	var described []string
	for _, key := range list {
		described = append(described, keyfile.Describe(key.Public()))
	}
	if f.typed() {
		list = slices.DeleteFunc(list, func(key crypto.Signer) bool { return kindOf(key.Public()) != f.kind.value })
	}
	switch len(list) {
	case 1:
		return list[0], about.notes, nil
	case 0:
		return nil, nil, fmt.Errorf("%s holds no key of --type %s: %s", sourceName(path), f.kind.value, orList(described))
	}
	return nil, nil, fmt.Errorf("%s holds %d keys (%s); choose with --type, or give the one to import alone", sourceName(path), len(list), strings.Join(described, ", "))
}

// advice is what to do about a file without a usable key.
func advice(err error, source keyfile.Source) string {
	switch {
	case errors.Is(err, keyfile.ErrEncrypted):
		return "; take it off first: umask 077; openssl pkey -in FILE -out DECRYPTED"
	case source.Where != "":
		return fmt.Sprintf("; %s keeps its key in %s", source.Title, source.Where)
	}
	return "; maildoctor dkim import --help says where signers keep their keys"
}

// kindOf is the kind of key as --type has it.
func kindOf(public crypto.PublicKey) string {
	switch public.(type) {
	case *rsa.PublicKey:
		return keyfile.RSA
	case ed25519.PublicKey:
		return keyfile.Ed25519
	}
	return ""
}

// key is the key with its names: those given, else those that the name of the
// file tells.
func (f importFlags) key(path string, source keyfile.Source, domain, selector string, private crypto.Signer) (signingKey, error) {
	k := signingKey{domain: domain, selector: selector, public: private.Public()}
	if d, s, ok := source.Named(path); ok {
		if k.domain == "" {
			k.domain = d
		}
		if k.selector == "" {
			k.selector = s
		}
	}
	if !k.named() {
		return k, fmt.Errorf("the name of %s does not tell the domain and the selector of the key; give --domain and --selector", sourceName(path))
	}
	if err := fits(k.domain, k.selector); err != nil {
		return k, err
	}
	if err := k.judge(); err != nil {
		return k, fmt.Errorf("%s %w", sourceName(path), err)
	}
	return k, nil
}

// page tells what was imported and what to do with it.
func (f importFlags) page(w io.Writer, path string, keys []signingKey) error {
	p := keysPage{now: f.now()}
	p.line("Imported from %s:", sourceName(path))
	k := keys[0]
	if err := p.key(k); err != nil {
		return err
	}
	p.panel(k)
	p.hint(keys)
	name := record.Display(record.DKIMKey(k.selector, k.domain).Name)
	switch {
	case k.published == nil:
		p.steps(fmt.Sprintf("See whether it is published: maildoctor dkim show %s", k.file))
	case k.published.err != nil:
		p.steps(fmt.Sprintf("Ask again whether it is published: maildoctor dkim show %s", k.file))
	case k.published.differs():
		p.steps(fmt.Sprintf("Make sure that this is the key that signs, and with this selector: what is at %s does not belong to it, so its signatures fail.", name),
			fmt.Sprintf("If it is, publish the record above, and see: maildoctor dkim show %s", k.file))
	}
	return p.writeTo(w)
}
