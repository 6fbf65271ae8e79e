package cmd

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/maildoctor/maildoctor/desired"
	"github.com/maildoctor/maildoctor/keyfile"
	"github.com/maildoctor/maildoctor/mailauth/dkim"
	"github.com/maildoctor/maildoctor/resolve"
)

// showFlags are the flags of dkim show as they are given.
type showFlags struct {
	identity
	askFlags
	now func() time.Time
}

// errUntold goes with the exit code of keys of which it could not be told
// whether they are published.
var errUntold = &codeError{exitUnknown, errors.New("whether every key is published could not be told; ask again, or another resolver with --resolver")}

func (a *app) dkimShowCommand() *cobra.Command {
	f := showFlags{now: time.Now}
	var o *output
	cmd := &cobra.Command{
		Use:   "show [FILE | DIRECTORY]",
		Short: "Show keys, their records, and whether those are published",
		Long: `Show tells of a key its size, its age, the record that belongs to it, and
whether that is what the DNS has. It takes a file with a private or a public
key, or a directory of them; of a private key it shows the public half alone.
Domain and selector are read off the name of the file, as keygen and most
signers choose it, unless they are given. Without a file it shows what is
published.

It exits with 0 where every key is published, with 1 where something else is,
or nothing, and with 3 where that could not be told.`,
		Example: `  maildoctor dkim show dkim
  maildoctor dkim show /var/lib/rspamd/dkim/example.com.mail.key
  maildoctor dkim show --domain example.com --selector s1`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usage(errors.New("dkim show takes one file or directory"))
			}
			return a.dkimShow(cmd.Context(), o, f, args)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	f.identity.add(cmd)
	f.askFlags.add(cmd)
	o = a.outputFlags(cmd)
	return cmd
}

func (a *app) dkimShow(ctx context.Context, o *output, f showFlags, args []string) error {
	keys, err := f.keys(ctx, a.in, args)
	if err != nil {
		return err
	}
	err = o.print(func(w io.Writer) error {
		if o.format.value == "json" {
			return keysJSON(w, keys)
		}
		p := keysPage{now: f.now()}
		for i, k := range keys {
			if i > 0 {
				p.line("")
			}
			if err := p.key(k); err != nil {
				return err
			}
		}
		return p.writeTo(w)
	})
	if err != nil {
		return err
	}
	switch differs, unknown := differs(keys); {
	case differs:
		return &codeError{code: exitFound}
	case unknown:
		return errUntold
	}
	for _, k := range keys {
		if k.fault != "" {
			return fmt.Errorf("%s %s", k.file, k.fault)
		}
	}
	return nil
}

// keys are those asked for, held against what is published.
func (f showFlags) keys(ctx context.Context, in io.Reader, args []string) ([]signingKey, error) {
	domain, selector, err := f.read()
	if err != nil {
		return nil, err
	}
	if len(args) == 0 {
		return f.live(ctx, domain, selector)
	}
	var keys []signingKey
	if info, err := os.Stat(args[0]); err == nil && info.IsDir() {
		keys, err = f.directory(args[0], domain, selector)
		if err != nil {
			return nil, err
		}
	} else if keys, err = keysOf(args[0], in, domain, selector); err != nil {
		return nil, usage(err)
	}
	noteAlone(keys)
	return keys, f.ask(ctx, keys)
}

// live is the key that is published.
func (f showFlags) live(ctx context.Context, domain, selector string) ([]signingKey, error) {
	switch {
	case domain == "" || selector == "":
		return nil, usage(errors.New("dkim show needs a file, a directory, or --domain and --selector"))
	case f.offline:
		return nil, usage(errors.New("with --offline there must be a file to show"))
	}
	var key signingKey
	err := f.with(ctx, func(ctx context.Context, dns resolve.Resolver) {
		key = publishedKeyOf(ctx, dns, domain, selector)
	})
	return []signingKey{key}, err
}

// maxKeyFiles bounds the files of a directory that are shown.
const maxKeyFiles = 1000

// directory reads the keys in a directory, those of domain and selector where
// they are given.
func (f showFlags) directory(dir, domain, selector string) ([]signingKey, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, usage(fmt.Errorf("%s: %w", dir, plainError(err)))
	}
	var keys []signingKey
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if e.IsDir() || !looksLikeKey(e.Name()) {
			continue
		}
		of, with := namesOf(path)
		if domain != "" && of != domain || selector != "" && with != selector {
			continue
		}
		if len(keys) >= maxKeyFiles {
			return nil, usage(fmt.Errorf("%s has more than %d keys; choose by --domain, or name a file", dir, maxKeyFiles))
		}
		list, err := keysOf(path, nil, "", "")
		if err != nil {
			list = []signingKey{{file: path, fault: strings.TrimLeft(strings.TrimPrefix(err.Error(), path), ": ")}}
		}
		keys = append(keys, list...)
	}
	if len(keys) == 0 {
		return nil, usage(fmt.Errorf("%s holds no such key: a file that ends in .key, .pem or .private; name another, or the file itself", dir))
	}
	return keys, nil
}

func looksLikeKey(name string) bool {
	for _, ending := range []string{".key", ".pem", ".private", ".private.txt"} {
		if strings.HasSuffix(name, ending) {
			return true
		}
	}
	return false
}

// namesOf reads domain and selector off the name of a file.
func namesOf(path string) (domain, selector string) {
	source, _ := keyfile.FindSource(keyfile.Auto)
	domain, selector, _ = source.Named(path)
	return domain, selector
}

// keysOf reads the public halves of the keys in a file, of which domain and
// selector may be given.
func keysOf(path string, in io.Reader, domain, selector string) ([]signingKey, error) {
	data, proto, err := readKeys(path, in)
	if err != nil {
		return nil, err
	}
	defer clear(data)
	proto.domain, proto.selector = namesOf(path)
	if domain != "" {
		proto.domain = domain
	}
	if selector != "" {
		proto.selector = selector
	}
	privates, err := keyfile.Parse(data)
	var keys []signingKey
	for _, private := range privates {
		k := proto
		k.public, k.private = private.Public(), true
		keys = append(keys, k)
	}
	if err != nil {
		public, ok := publicOf(data)
		if !ok {
			return nil, fmt.Errorf("%s %w", sourceName(path), err)
		}
		k := proto
		k.public, k.notes = public, nil // everybody may know it
		keys = append(keys, k)
	}
	for i := range keys {
		if err := keys[i].judge(); err != nil {
			return nil, fmt.Errorf("%s %w", sourceName(path), err)
		}
	}
	return keys, nil
}

// publicOf is the public key where data is one, or the record of one.
func publicOf(data []byte) (crypto.PublicKey, bool) {
	text, err := desired.ReadKey(string(data), true)
	if err != nil {
		return nil, false
	}
	key, _ := dkim.ParseKey(text)
	return key.Public, key.Public != nil
}

// readKeys reads a file of keys, or standard input, which is "-". The key that
// it gives has the file's age, and what is to be said of the file.
func readKeys(path string, in io.Reader) ([]byte, signingKey, error) {
	if path == "-" {
		data, err := keyfile.From(in)
		if err != nil {
			err = fmt.Errorf("%s %w", sourceName(path), err)
		}
		return data, signingKey{file: sourceName(path)}, err
	}
	data, info, err := keyfile.Read(path)
	if err != nil {
		return nil, signingKey{}, fmt.Errorf("%s: %w", path, err)
	}
	k := signingKey{file: path, modified: info.ModTime()}
	if keyfile.Exposed(info.Mode()) {
		k.notes = append(k.notes, fmt.Sprintf("others may get at the private key in %s (mode %04o): chmod 600 it, and make a new key if somebody may have", path, info.Mode().Perm()))
	}
	return data, k, nil
}

// sourceName is what a file is called in messages.
func sourceName(path string) string {
	if path == "-" {
		return "standard input"
	}
	return path
}
