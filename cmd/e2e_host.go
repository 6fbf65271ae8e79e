package cmd

import (
	"context"
	"crypto/tls"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/maildoctor/maildoctor/desired"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/lab"
	"github.com/maildoctor/maildoctor/mailauth/dane"
	"github.com/maildoctor/maildoctor/mta/certs"
	"github.com/maildoctor/maildoctor/mta/deliver"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/report"
	"github.com/maildoctor/maildoctor/resolve"
)

// certFlags name what the domain's mail host shows.
type certFlags struct{ cert, key string }

func (f *certFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.cert, "cert", "", "a `file` with the certificate of the domain's mail\nhost, in PEM: TLS is judged by it")
	cmd.Flags().StringVar(&f.key, "cert-key", "", "a `file` with its private key, if that is another one")
}

// A mailHost is the domain's own in a trial: what is known of the real one.
type mailHost struct {
	certs    *certs.Source // nil: the laboratory makes one
	from     string        // the file of the certificate
	records  bool          // TLSA records are among those that are tried
	security deliver.Security
}

// TLS is what the host shows; nil: what the laboratory makes.
func (h mailHost) TLS() func() *tls.Config {
	if h.certs == nil {
		return nil
	}
	return h.certs.TLS
}

// shows has the domain's host show the certificate of --cert or, if that can be read,
// that of the mail server of the file.
func (w *trialWorld) shows(f certFlags) (err error) {
	if f.cert == "" {
		if f.key != "" {
			return usage(fmt.Errorf("--cert-key is the key of --cert; name that, too"))
		}
		return nil
	}
	w.host.from = f.cert
	if w.host.certs, err = certs.Files(certs.Options{}, certs.Pair{Cert: f.cert, Key: f.key}); err != nil {
		return usage(fmt.Errorf("--cert: %w", err))
	}
	w.closers = append(w.closers, w.host.certs.Close)
	return nil
}

// showsOwn has it show those of the mail server of the file.
func (w *trialWorld) showsOwn(server desired.MTA, file string) {
	if w.host.certs != nil || len(server.Certs) == 0 {
		return
	}
	beside := func(path string) string {
		if path == "" || filepath.IsAbs(path) {
			return path
		}
		return filepath.Join(filepath.Dir(file), path)
	}
	var pairs []certs.Pair
	for _, c := range server.Certs {
		pairs = append(pairs, certs.Pair{Cert: beside(c.Cert), Key: beside(c.Key)})
	}
	source, err := certs.Files(certs.Options{}, pairs...)
	if err != nil {
		w.notes = append(w.notes, fmt.Sprintf("the certificate of the mail server cannot be read here, so the laboratory shows one of its own: %v", err))
		return
	}
	w.host.certs, w.host.from = source, server.Certs[0].Cert
	w.closers = append(w.closers, source.Close)
}

// signs has the records of the trial signed as if their zones were, if there are
// TLSA records that a certificate can be held against.
func (w *trialWorld) signs(ctx context.Context, records []record.Record) (err error) {
	w.host.records = slices.ContainsFunc(records, func(r record.Record) bool { return r.Type == "TLSA" && strings.HasPrefix(r.Name, "_25._tcp.") })
	if !w.host.records || w.host.certs == nil {
		return nil
	}
	w.notes = append(w.notes, "that the zone is signed (DNSSEC) is taken for granted; maildoctor check looks")
	w.host.security, err = lab.NewSigned(ctx, records, w.lab.Clock())
	return err
}

// signed asks the DNS itself what is signed.
func (w *trialWorld) signed(ctx context.Context, client *resolve.Client) {
	if w.host.certs != nil {
		w.host.security = resolve.NewValidator(ctx, client, resolve.SecureOptions{Fallback: client})
	}
}

// daneVerdict is whether the host's certificate is the one that its TLSA records name;
// none where there is nothing to be said of that.
func (w *trialWorld) daneVerdict(s sent) []report.Verdict {
	v := report.Verdict{Name: "dane", Result: "not tried", Outcome: diagnosis.Skipped, Text: "the TLSA records are held against the certificate of the host; --cert names it"}
	switch {
	case w.host.security == nil && !w.host.records, refusesAll(s.Attempt):
		return nil
	case w.host.security == nil:
		return []report.Verdict{v}
	}
	v.Result, v.Text = "none", "no TLSA records that are secure and usable lead to the host"
	for _, r := range s.Attempt.TLS {
		switch {
		case r.PolicyType != "tlsa":
			continue
		case r.Result != "":
			v.Result, v.Outcome, v.Text, v.Do = "fail", diagnosis.Failed, fmt.Sprintf("%s (%s)", r.Reason, r.Result), w.tlsaFor(r.MX)
			return []report.Verdict{v}
		case len(r.PolicyString) == 0: // RFC 7672, 2.2
			v.Text = "none of the TLSA records is usable, so any certificate will do"
		default:
			v.Result, v.Outcome, v.Text = "pass", diagnosis.Passed, "the certificate of "+w.host.from+" is one that the TLSA records name"
		}
	}
	return []report.Verdict{v}
}

// tlsaFor is the record that the certificate of a host wants.
func (w *trialWorld) tlsaFor(host string) string {
	config := w.host.certs.TLS()
	if config == nil {
		return ""
	}
	cert, err := config.GetCertificate(&tls.ClientHelloInfo{ServerName: host, SupportedVersions: []uint16{tls.VersionTLS13}})
	if err != nil {
		return ""
	}
	r, err := dane.Of(cert.Certificate[0], dane.EE, dane.Key, dane.SHA256)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("Publish the record of this certificate: %s. TLSA %s", dane.Name(host), r)
}

// certificateWords is how a certificate that is not the laboratory's looks to others.
func (w *trialWorld) certificateWords(s deliver.Session) string {
	if w.host.certs == nil || s.TLS == nil || s.Policy.Source == deliver.DANE { // which does without
		return ""
	}
	if fault := sendTLSOf(s.TLS).Fault; fault != "" {
		return fmt.Sprintf("; %s: %s", w.host.from, fault)
	}
	return fmt.Sprintf("; the certificate of %s is trusted, and for the host", w.host.from)
}
