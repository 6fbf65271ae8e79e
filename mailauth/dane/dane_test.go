package dane_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/mailauth/dane"
)

var now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// issue makes a certificate; without an issuer it signs itself.
func issue(t testing.TB, name string, ca bool, issuer *x509.Certificate, by *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, NotBefore: now.AddDate(-1, 0, 0), NotAfter: now.AddDate(1, 0, 0),
		IsCA: ca, BasicConstraintsValid: true,
	}
	if ca {
		template.KeyUsage = x509.KeyUsageCertSign
	} else {
		template.DNSNames = []string{name}
	}
	if issuer == nil {
		issuer, by = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, issuer, &key.PublicKey, by)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}

func TestVerify(t *testing.T) {
	root, rootKey := issue(t, "Root", true, nil, nil)
	middle, middleKey := issue(t, "Middle", true, root, rootKey)
	leaf, _ := issue(t, "mx.example.org", false, middle, middleKey)
	stranger, _ := issue(t, "mx.example.org", true, nil, nil)
	chain := [][]byte{leaf.Raw, middle.Raw, root.Raw}
	of := func(cert *x509.Certificate, usage dane.Usage, selector dane.Selector, matching dane.Matching) dane.Record {
		r, err := dane.Of(cert.Raw, usage, selector, matching)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	late := now.AddDate(2, 0, 0)
	for _, tt := range []struct {
		name    string
		records []dane.Record
		chain   [][]byte
		names   []string
		at      time.Time
		usable  int
		matched []int
		ok      bool
		why     string
	}{
		{"3 1 1", []dane.Record{of(leaf, 3, 1, 1)}, chain, nil, now, 1, []int{0}, true, ""},
		{"3 0 2, expired and of another name", []dane.Record{of(leaf, 3, 0, 2)}, chain[:1], []string{"mx.example.net"}, late, 1, []int{0}, true, ""},
		{"3 1 0", []dane.Record{of(leaf, 3, 1, 0)}, chain, nil, now, 1, []int{0}, true, ""},
		{"3 0 0", []dane.Record{of(leaf, 3, 0, 0)}, chain, nil, now, 1, []int{0}, true, ""},
		{"of the next key", []dane.Record{of(stranger, 3, 1, 1)}, chain, nil, now, 1, nil, false, "no record matches"},
		{"next and current key", []dane.Record{of(stranger, 3, 1, 1), of(leaf, 3, 1, 1)}, chain, nil, now, 2, []int{1}, true, ""},
		{"usage 3 does not look above the leaf", []dane.Record{of(middle, 3, 1, 1)}, chain, nil, now, 1, nil, false, "no record matches"},
		{"2 1 1 of the root", []dane.Record{of(root, 2, 1, 1)}, chain, []string{"mx.example.org."}, now, 1, []int{0}, true, ""},
		{"2 0 1 of what is between", []dane.Record{of(middle, 2, 0, 1)}, chain[:2], []string{"mx.example.org."}, now, 1, []int{0}, true, ""},
		{"2 1 1 by the name of the domain", []dane.Record{of(root, 2, 1, 1)}, chain, []string{"mx.example.net.", "mx.example.org."}, now, 1, []int{0}, true, ""},
		{"2 1 1, another name", []dane.Record{of(root, 2, 1, 1)}, chain, []string{"mx.example.net."}, now, 1, nil, false, "does not name mx.example.net"},
		{"2 1 1, expired", []dane.Record{of(root, 2, 1, 1)}, chain, []string{"mx.example.org."}, late, 1, nil, false, "not valid"},
		{"2 1 1, root not presented", []dane.Record{of(root, 2, 1, 1)}, chain[:2], []string{"mx.example.org."}, now, 1, nil, false, "no record matches"},
		{"2 0 0 brings the root along", []dane.Record{of(root, 2, 0, 0)}, chain[:2], []string{"mx.example.org."}, now, 1, []int{0}, true, ""},
		{"2 1 1 of the leaf", []dane.Record{of(leaf, 2, 1, 1)}, chain, []string{"mx.example.org."}, now, 1, nil, false, "usage 3 is meant"},
		{"2 1 1 of a stranger presented along", []dane.Record{of(stranger, 2, 1, 1)}, [][]byte{leaf.Raw, stranger.Raw}, []string{"mx.example.org."}, now, 1, nil, false, "not valid"},
		{"PKIX usages", []dane.Record{of(root, 0, 1, 1), of(leaf, 1, 1, 1)}, chain, nil, now, 0, nil, true, "no record matches"},
		{"no chain", []dane.Record{of(leaf, 3, 1, 1)}, nil, nil, now, 1, nil, false, "no certificate"},
		{"not a certificate", []dane.Record{of(leaf, 3, 1, 1)}, [][]byte{{1, 2, 3}}, nil, now, 1, nil, false, "no certificate"},
		{"no name to compare", []dane.Record{of(root, 2, 1, 1)}, chain, []string{""}, now, 1, nil, false, "does not name"},
	} {
		m := dane.Verify(tt.records, tt.chain, tt.names, tt.at)
		if m.Usable != tt.usable || !reflect.DeepEqual(m.Matched, tt.matched) || m.OK() != tt.ok || !strings.Contains(m.Why, tt.why) || (tt.why == "") != (m.Why == "") {
			t.Errorf("%s: %+v", tt.name, m)
		}
	}
}

func TestParse(t *testing.T) {
	digest := strings.Repeat("0123456789ABCDEF", 4)
	for _, tt := range []struct {
		text   string
		usable bool
		at     int // offset of the first problem; -1 for none
	}{
		{"3 1 1 " + digest, true, -1},
		{"3 1 1 " + strings.ToLower(digest[:30]) + " " + digest[30:], true, -1},
		{"2 0 2 " + digest + digest, true, -1},
		{"1 1 1 " + digest, false, -1},
		{"0 0 1 " + digest, false, -1},
		{"4 1 1 " + digest, false, 0},
		{"3 2 1 " + digest, false, 2},
		{"3 1 3 " + digest, false, 4},
		{"3 1 1 " + digest[2:], false, 6},
		{"3 1 2 " + digest, false, 6},
		{"3 0 0 00", false, 6},
		{"3 1 0 00", false, 6},
		{"3 1 1 XY", false, 6},
		{"3 1 1 ABC", false, 6},
		{"256 1 1 " + digest, false, 0},
		{"3 1 1", false, 5},
		{"", false, 0},
	} {
		r, problems := dane.Parse(tt.text)
		at := -1
		if len(problems) > 0 {
			at = problems[0].Offset
		}
		if at != tt.at || (len(problems) == 0 && r.Usable()) != tt.usable {
			t.Errorf("%q: %v, %v", tt.text, problems, r.Usable())
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{"3 1 1 " + strings.Repeat("ab", 32), "2 0 0 30", "", "3 1 1", "a b c d", " 3\t1 1 AB CD"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, problems := dane.Parse(text)
		for _, p := range problems {
			if p.Offset < 0 || p.Offset > len(text) || p.Message == "" {
				t.Errorf("%q: %+v", text, p)
			}
		}
		if len(problems) > 0 {
			return
		}
		again, problems := dane.Parse(r.String())
		if len(problems) > 0 || again.String() != r.String() {
			t.Errorf("%q: %q, %v", text, r, problems)
		}
		dane.Verify([]dane.Record{r}, [][]byte{r.Data}, []string{"mx.example.org"}, now)
	})
}
