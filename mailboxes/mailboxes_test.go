package mailboxes_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/maildoctor/maildoctor/mailboxes"
)

const domain = "example.org."

// inUTF16 is text as PowerShell writes it.
func inUTF16(text string, order binary.AppendByteOrder, mark bool) string {
	if mark {
		text = "\ufeff" + text
	}
	var out []byte
	for _, unit := range utf16.Encode([]rune(text)) {
		out = order.AppendUint16(out, unit)
	}
	return string(out)
}

const (
	google = "First Name [Required],Last Name [Required],Email Address [Required],Password [Required],Recovery Email\r\n" +
		"Ann,\"Lee, B.\",ann@example.org,****,ann@gmail.com\r\n" +
		"Bob,\"O\"\"Neil\",bob.o-neil@example.org,****,\r\n"
	gam  = "primaryEmail,aliases,suspended\nann@example.org,info@example.org sales@example.org,False\nbob@example.org,,True\n"
	m365 = "Display name;User principal name;Proxy addresses\n" +
		"Ann Lee;ann@contoso.onmicrosoft.com;SMTP:ann@example.org+smtp:ann+lee@example.org+sip:ann@example.org+X500:/o=First/cn=ann+smtp:ann@contoso.onmicrosoft.com\n" +
		"Post Füße;post@example.org;smtp:mail@EXAMPLE.org,SMTP:post@example.org\n"
	powershell = "#TYPE Selected.Microsoft.Exchange.Data\r\n\"PrimarySmtpAddress\",\"EmailAddresses\"\r\n\"ann@example.org\",\"{SMTP:ann@example.org, smtp:a.lee@example.org, SPO:SPO_1@SPO_2, EUM:1@example.org}\"\r\n"
)

func TestRead(t *testing.T) {
	for name, test := range map[string]struct {
		text      string
		form      string
		want      []string // text, and behind a blank kind and mailbox of an alias
		catchAll  int
		elsewhere int
		problems  []string
	}{
		"lines": {
			text: "# the mailboxes\n\nann@example.org\n  BOB@Example.Org  \r\nann@EXAMPLE.org\ninfo\nAnn Lee <lee@example.org>\neve@other.example\n",
			form: "lines", want: []string{"ann@example.org", "BOB@example.org", "info@example.org", "lee@example.org"}, elsewhere: 1,
		},
		"doveadm user":         {text: "ann@example.org\nbob@example.org\n", form: "lines", want: []string{"ann@example.org", "bob@example.org"}},
		"doveadm mailbox list": {text: "username mailbox\nann@example.org INBOX\nann@example.org Sent Items\nbob@example.org INBOX\n", form: "lines", want: []string{"ann@example.org", "bob@example.org"}},
		"virtual aliases":      {text: "info@example.org\tann@example.org, bob@example.org\n@example.org  ann@example.org\n@other.example x@y.example\n", form: "lines", want: []string{"info@example.org alias"}, catchAll: 2, elsewhere: 1},
		"etc/aliases":          {text: "postmaster: root\nabuse:\tann@example.org\n", form: "lines", want: []string{"postmaster@example.org alias", "abuse@example.org alias"}},
		"Google Workspace":     {text: google, form: "CSV, column Email Address [Required]", want: []string{"ann@example.org", "bob.o-neil@example.org"}},
		"GAM":                  {text: gam, form: "CSV, column primaryEmail, aliases", want: []string{"ann@example.org", "info@example.org alias ann@example.org", "sales@example.org alias ann@example.org", "bob@example.org"}},
		"Microsoft 365, admin centre": {text: m365, form: "CSV, column User principal name, Proxy addresses", elsewhere: 2,
			want: []string{"ann@example.org", "ann+lee@example.org alias ann@example.org", "post@example.org", "mail@example.org alias post@example.org"}},
		"Exchange Online, PowerShell":           {text: powershell, form: "CSV, column PrimarySmtpAddress, EmailAddresses", want: []string{"ann@example.org", "a.lee@example.org alias ann@example.org"}},
		"with a mark":                           {text: "\ufeff" + gam, form: "CSV, column primaryEmail, aliases", want: []string{"ann@example.org", "info@example.org alias ann@example.org", "sales@example.org alias ann@example.org", "bob@example.org"}},
		"UTF-16, little-endian":                 {text: inUTF16(powershell, binary.LittleEndian, true), form: "CSV, column PrimarySmtpAddress, EmailAddresses", want: []string{"ann@example.org", "a.lee@example.org alias ann@example.org"}},
		"UTF-16, big-endian, without a mark":    {text: inUTF16("ann@example.org\r\n", binary.BigEndian, false), form: "lines", want: []string{"ann@example.org"}},
		"UTF-16, little-endian, without a mark": {text: inUTF16("ann@example.org\n", binary.LittleEndian, false), form: "lines", want: []string{"ann@example.org"}},
		"Windows-1252":                          {text: "Name;E-Mail\nJ\xf6rg;joerg@example.org\n", form: "CSV, column E-Mail", want: []string{"joerg@example.org"}},
		"Excel says what parts":                 {text: "sep=;\nName;Email\nx;a@example.org\n", form: "CSV, column Email", want: []string{"a@example.org"}},
		"tabs":                                  {text: "address\tgoto\ninfo@example.org\tann@example.org\n", form: "CSV, column address", want: []string{"info@example.org"}},
		"CSV without a header":                  {text: "Ann,ann@example.org,2019\nBob,bob@example.org,2020\n", form: "CSV, column number 2", want: []string{"ann@example.org", "bob@example.org"}},
		"one column":                            {text: "email\nann@example.org\n", form: "lines", want: []string{"ann@example.org"}},
		"a mailbox that was an alias":           {text: "primaryEmail,aliases\nann@example.org,bob@example.org\nbob@example.org,\n", form: "CSV, column primaryEmail, aliases", want: []string{"ann@example.org", "bob@example.org"}},
		"IDN":                                   {text: "ann@bücher.example\n", form: "lines", elsewhere: 1},
		"bad lines": {
			text: "a..b@example.org\njörg@example.org\nann@example.org\nx y@\n\x1b[2J@example.org\n" + strings.Repeat("x", 65) + "@example.org\nftp:a@b\nann@exa mple\n",
			form: "lines", want: []string{"ann@example.org", "x@example.org alias"},
			problems: []string{"line 1: ", "line 2: \"jörg@example.org\" is not in ASCII", "line 5: ", "line 6: ", "line 7: \"ftp:a@b\" is no address", "line 8: \"ann@exa\" is no address: the domain"},
		},
		"bad rows": {
			text: "email,aliases\nann@example.org\n,\n\"bob\"x@example.org,\neve@example.org,\n\"open@example.org,\nx\n", form: "CSV, column email, aliases", want: []string{"ann@example.org", "eve@example.org"},
			problems: []string{"line 3: it has no address", "line 4: it is no row of CSV", "line 6: it is no row of CSV"},
		},
		"a spreadsheet": {text: "PK\x03\x04abc", problems: []string{"this is a spreadsheet"}},
		"binary":        {text: "\x7fELF\x00\x00\x00", problems: []string{"this is no text"}},
		"nothing":       {text: "", form: "lines"},
	} {
		t.Run(name, func(t *testing.T) {
			list, problems, err := mailboxes.Read(strings.NewReader(test.text), domain)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, a := range list.Addresses {
				s := a.Text
				if a.Kind == mailboxes.Alias {
					s = strings.TrimSpace(s + " alias " + a.Of)
				}
				got = append(got, s)
			}
			if !slices.Equal(got, test.want) || list.Form != test.form || list.CatchAll != test.catchAll || list.Elsewhere != test.elsewhere {
				t.Errorf("%q\n%+v\nwant %q %+v", got, list, test.want, test)
			}
			if len(problems) != len(test.problems) {
				t.Fatalf("problems %q, want %q", problems, test.problems)
			}
			for i, p := range problems {
				if !strings.HasPrefix(p.String(), test.problems[i]) {
					t.Errorf("problem %q, want %q", p, test.problems[i])
				}
			}
		})
	}
}

// TestLines: an address knows the line that it stands in.
func TestLines(t *testing.T) {
	list, _, err := mailboxes.Read(strings.NewReader("sep=,\nname,email\n\"two\nlines\",a@example.org\nx,b@example.org\n"), domain)
	if err != nil || len(list.Addresses) != 2 || list.Addresses[0].Line != 3 || list.Addresses[1].Line != 5 {
		t.Errorf("%+v, %v", list, err)
	}
}

func TestBounds(t *testing.T) {
	if _, _, err := mailboxes.Read(strings.NewReader(strings.Repeat("x", mailboxes.MaxOctets+1)), domain); !errors.Is(err, mailboxes.ErrTooLong) {
		t.Errorf("a list of too many octets: %v", err)
	}
	var b strings.Builder
	for i := range mailboxes.MaxAddresses + 1 {
		fmt.Fprintf(&b, "u%d\n", i)
	}
	if _, _, err := mailboxes.Read(strings.NewReader(b.String()), domain); !errors.Is(err, mailboxes.ErrTooLong) {
		t.Errorf("a list of too many addresses: %v", err)
	}
	_, problems, err := mailboxes.Read(strings.NewReader(strings.Repeat("a..b\n", 1000)), domain)
	if err != nil || len(problems) != 101 || problems[100].Text != "and 900 more such lines" {
		t.Errorf("%d problems, the last %q, %v", len(problems), problems[len(problems)-1], err)
	}
	long := "email,aliases\na@example.org," + strings.Repeat("+", 60<<10) + "\nb@example.org,\"" + strings.Repeat("x", 70<<10) + "\"\n"
	list, problems, err := mailboxes.Read(strings.NewReader(long), domain)
	if err != nil || len(list.Addresses) != 1 || len(problems) != 1 || problems[0].Line != 3 {
		t.Errorf("%+v, %v, %v", list, problems, err)
	}
}

func FuzzRead(f *testing.F) {
	for _, text := range []string{google, gam, m365, powershell, inUTF16(gam, binary.BigEndian, true), "@example.org x", "a: b\n", "\"", "sep=;\n"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		list, problems, err := mailboxes.Read(strings.NewReader(string(raw)), domain)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for _, a := range list.Addresses {
			if !strings.HasSuffix(a.Text, "@example.org") || strings.ContainsAny(a.Text, " <>\r\n\x00") || a.Line < 1 || len(a.Text) > 64+len("@example.org") {
				t.Errorf("%+v", a)
			}
			if key := strings.ToLower(a.Text); seen[key] {
				t.Errorf("%s twice", a.Text)
			} else {
				seen[key] = true
			}
		}
		for _, p := range problems {
			if strings.ContainsAny(p.Text, "\x1b\n\r\x00") {
				t.Errorf("a problem with controls: %q", p.Text)
			}
		}
	})
}
