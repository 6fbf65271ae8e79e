package local

import (
	"fmt"
	"strings"
	"testing"
)

func TestMainCf(t *testing.T) {
	for _, tt := range []struct{ name, text, parameter, want string }{
		{"plain", "myhostname = mx.example.org\n", "myhostname", "mx.example.org"},
		{"the last one counts", "myhostname=a.example\nmyhostname=b.example", "myhostname", "b.example"},
		{"a comment", "#myhostname = a.example\n  # more\nmyhostname = b.example", "myhostname", "b.example"},
		{"goes on", "smtpd_tls_chain_files =\n  /a.pem,\n\t/b.pem\n", "smtpd_tls_chain_files", "/a.pem, /b.pem"},
		{"a comment between", "inet_interfaces = 192.0.2.1\n# and\n  192.0.2.2", "inet_interfaces", "192.0.2.1 192.0.2.2"},
		{"refers", "mydomain = example.org\nmyhostname = mx.$mydomain", "myhostname", "mx.example.org"},
		{"in braces", "mydomain = example.org\nmyhostname = ${mydomain}", "myhostname", "example.org"},
		{"in parentheses", "mydomain = example.org\nmyhostname = a.$(mydomain).b", "myhostname", "a.example.org.b"},
		{"to a preset", "smtpd_tls_cert_file = ${config_directory}/x.pem", "smtpd_tls_cert_file", "/etc/postfix/x.pem"},
		{"in a circle", "myhostname = $mydomain\nmydomain = $myhostname", "myhostname", ""},
		{"by a condition", "myhostname = ${mydomain?{a}:{b}}", "myhostname", ""},
		{"nothing", "", "myhostname", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			conf := mainCf(tt.text, map[string]string{"config_directory": "/etc/postfix"})
			if got := conf[tt.parameter]; got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// show writes nodes as one line.
func show(list []node) string {
	var words []string
	for _, n := range list {
		switch {
		case n.list != nil:
			words = append(words, fmt.Sprintf("%s{%s}", n.key, show(n.list)))
		default:
			words = append(words, n.key+"="+n.value)
		}
	}
	return strings.Join(words, " ")
}

func TestUCL(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"values", `a = 1; b: "two words"; c = 'x';`, "a=1 b=two words c=x"},
		{"without marks", "path = /var/lib/$domain.key\nselector = dkim\n", "path=/var/lib/$domain.key selector=dkim"},
		{"comments", "# a = 1\nb = 2; # c\n/* d = 3; */ e = 4", "b=2 e=4"},
		{"blocks", "domain { example.org { path = /x; selector = s; } }", "domain{example.org{path=/x selector=s}}"},
		{"a name in quotes", `domain "example.org" { selector = s }`, "domain{example.org{selector=s}}"},
		{"lists", `selectors [ { path: "/a"; selector: "x"; }, { path: "/b" } ]`, "selectors{{path=/a selector=x} {path=/b}}"},
		{"not closed", "domain { a = 1", "domain{a=1}"},
		{"an open text", `a = "b`, "a=b"},
		{"marks alone", "= ; , :", ""},
		{"a word alone", "enabled", "enabled="},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := show(ucl(tt.text)); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestSconf(t *testing.T) {
	text := "# mox\nHostname: mx.example.org\n\nDomains:\n\texample.org:\n\t\tDKIM:\n\t\t\tSelectors:\n\t\t\t\ts1:\n\t\t\t\t\tPrivateKeyFile: dkim/s1.pem\n\t\t\tSign:\n\t\t\t\t- s1\n\t\t\t\t-\n"
	want := "Hostname=mx.example.org Domains{example.org{DKIM{Selectors{s1{PrivateKeyFile=dkim/s1.pem}} Sign{=s1 =}}}}"
	if got := show(sconf(text)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestFlat(t *testing.T) {
	toml := "[server]\nhostname = \"mx.example.org\" # its name\n[signature.\"rsa\"]\nprivate-key = \"%{file:/k.pem}%\"\ndomain = 'example.org'\n[x]\nlong = '''\none\ntwo'''\nn = 5\na.b = \"c\"\n"
	conf := flatTOML(toml)
	for name, want := range map[string]string{
		"server.hostname": "mx.example.org", "signature.rsa.private-key": "%{file:/k.pem}%", "signature.rsa.domain": "example.org",
		"x.long": "one\ntwo", "x.n": "", "x.a.b": "c",
	} {
		if conf[name] != want {
			t.Errorf("%s is %q, want %q", name, conf[name], want)
		}
	}
	conf = flatJSON(`{"server": {"hostname": "mx.example.org", "port": 25}, "list": ["a"], "none": null}`)
	if conf["server.hostname"] != "mx.example.org" || conf["server.port"] != "25" || len(conf) != 2 {
		t.Errorf("JSON: %q", conf)
	}
}

func TestOverrides(t *testing.T) {
	for line, want := range map[string]string{
		"-o smtp_helo_name=a.example -o smtp_bind_address=192.0.2.1": "a.example 192.0.2.1",
		"-v -o smtp_helo_name = a.example":                           "a.example ",
		"-o":                                                         " ",
		"-o smtp_helo_name":                                          " ",
	} {
		set := overrides(strings.Fields(line))
		if got := set["smtp_helo_name"] + " " + set["smtp_bind_address"]; got != want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
}

func TestProcAddr(t *testing.T) {
	for text, want := range map[string]string{
		"0100007F:0019":                         "127.0.0.1:25",
		"00000000:01D1":                         "0.0.0.0:465",
		"00000000000000000000000001000000:0035": "[::1]:53",
		"0000000000000000FFFF00000100007F:0019": "127.0.0.1:25",
		"B80D0120000000000000000001000000:024B": "[2001:db8::1]:587",
		"0100007F":                              "",
		"01007F:0019":                           "",
		"0100007F:19999":                        "",
		"xx:yy":                                 "",
	} {
		at, ok := procAddr(text)
		if got := at.String(); ok != (want != "") || ok && got != want {
			t.Errorf("%s is %s %t, want %s", text, got, ok, want)
		}
	}
}

func TestEximAge(t *testing.T) {
	for text, want := range map[string]string{"25m": "25m0s", "3h": "3h0m0s", "2d": "48h0m0s", "1w": "168h0m0s", "m": "", "3": "", "3x": "", "-1m": "", "3mm": ""} {
		got, ok := eximAge(text)
		if ok != (want != "") || ok && got.String() != want {
			t.Errorf("%s is %v %t, want %s", text, got, ok, want)
		}
	}
}

// FuzzLanguages reads anything in every language: no panic, and an end.
func FuzzLanguages(f *testing.F) {
	for _, s := range []string{
		"myhostname = $mydomain\n mydomain=${x?{y}}", "a { b [ { c = \"d\" } ] }", "A:\n\tB:\n\t\t- c\n", "[a.b]\nc = '''\nd'''\n", `{"a":{"b":"c"}}`,
		"KeyTable refile:/x\n", "export A='b' # c\n", "smtp unix - - n - - smtp -o { smtp_helo_name = a }", strings.Repeat("{", 100), strings.Repeat("\t", 50) + "a:",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		mainCf(text, nil)
		words(text)
		env(text)
		flatTOML(text)
		flatJSON(text)
		show(ucl(text))
		show(sconf(text))
		for _, line := range logical(text) {
			overrides(strings.Fields(line))
		}
		procAddr(text)
		if age, ok := eximAge(text); ok && age < 0 {
			t.Errorf("the age %q is %v", text, age)
		}
	})
}
