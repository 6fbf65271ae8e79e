package desired

import (
	"bytes"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"
)

// TestSchema holds the published schema to the tables.
func TestSchema(t *testing.T) {
	golden(t, "maildoctor.schema.json", string(Schema()))
	compiled(t)
}

func compiled(t testing.TB) *jsonschema.Schema {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("maildoctor.schema.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("maildoctor.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// jsonOf is what an editor makes of YAML before it holds it to a schema.
func jsonOf(t testing.TB, text string) any {
	t.Helper()
	var document yaml.Node
	if err := yaml.Load([]byte(text), &document); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return valueOf(document.Content[0])
}

func valueOf(n *yaml.Node) any {
	switch n.Kind {
	case yaml.MappingNode:
		m := make(map[string]any)
		for i := 0; i+1 < len(n.Content); i += 2 {
			m[n.Content[i].Value] = valueOf(n.Content[i+1])
		}
		return m
	case yaml.SequenceNode:
		list := []any{}
		for _, v := range n.Content {
			list = append(list, valueOf(v))
		}
		return list
	}
	switch n.ShortTag() {
	case "!!null":
		return nil
	case "!!bool":
		return n.Value == "true"
	case "!!float":
		if f, err := strconv.ParseFloat(n.Value, 64); err == nil {
			return f
		}
	case "!!int":
		if i, err := strconv.Atoi(n.Value); err == nil {
			return i
		}
	}
	return n.Value
}

// valid are files that are right; of each, some change makes it wrong.
func valid(t testing.TB) map[string]string {
	files := map[string]string{
		"full":  readFile(t, "full.yaml"),
		"mta":   readFile(t, "mta.yaml"),
		"acme":  mtaFile("tls: {acme: {email: a@example.com, http: ':8080', alpn: ':443', external-account: {key-id: a, key-file: b}}}"),
		"short": "version: 1\nhosts: {mail.example.com: 192.0.2.25}\ndomains: {example.com: {profile: mailu, ttl: 3600, services: fastmail, mx: mailu}}\n",
		"empty": "version: '1'\ndefaults: {profile: no-mail}\ndomains:\n  example.com:\n",
	}
	for name, example := range examples() {
		files[name] = example
	}
	for _, s := range Services() {
		files["service "+s.Name] = "version: 1\ndomains:\n  example.com:\n    services:\n      " + s.Name + ":\n" + values(s)
	}
	return files
}

// TestSchemaAgrees: what Parse reads, the schema allows, and so is what Format
// writes; of what is misspelled or misplaced, both say so.
func TestSchemaAgrees(t *testing.T) {
	schema := compiled(t)
	for name, text := range valid(t) {
		s := state(t, text)
		for _, text := range []string{text, string(Format(s))} {
			if err := schema.Validate(jsonOf(t, text)); err != nil {
				t.Errorf("%s: the schema refuses what is right: %v\n%s", name, err, text)
			}
		}
	}
	const domain = "version: 1\ndomains:\n  example.com: "
	for _, wrong := range []string{
		"[]", "version: 2\ndomains: {a.example: }\n", "domains: {a.example: }\n", "version: 1\n", "version: 1\ndomain: {}\ndomains: {a.example: }\n",
		"version: 1\nhosts: {a.example: {}}\ndomains: {a.example: }\n", "version: 1\nhosts: {a.example: {ip: 192.0.2.1}}\ndomains: {a.example: }\n",
		domain + "x", domain + "{profil: mox}", domain + "{profile: x}", domain + "{profile: [mox]}", domain + "{services: x}", domain + "{services: {x: }}",
		domain + "{services: {ses: {token: a}}}", domain + "{services: {ses: a}}", domain + "{services: {mailgun: {region: us1}}}", domain + "{dkim: [a]}", domain + "{dkim: {a: {keys: b}}}",
		domain + "{dmarc: strict}", domain + "{dmarc: {p: none}}", domain + "{dmarc: {stages: [{from: 2027-01-01}]}}", domain + "{dmarc: {stages: {from: 2027-01-01, policy: none}}}",
		domain + "{spf: '-all'}", domain + "{spf: {all: '?all'}}", domain + "{mta-sts: none}", domain + "{mta-sts: {mode: enforce, id: a-b}}", domain + "{reports: []}", domain + "{reports: }",
		domain + "{clients: [smtp]}", domain + "{caa: {issuewild: none}}", domain + "{caa: {issue: none, iodef: x}}", domain + "{no-mail: ['*']}", domain + "{dnssec: maybe}", domain + "{ttl: soon}", domain + "{ttl: 5}", domain + "{mx: mailcaw}",
		domain + "{provider: cloudfare}", domain + "{provider: 'cloudflare:0123'}", domain + "{provider: 'zone:'}", domain + "{provider: 'rfc2136:'}", domain + "{provider: 'rfc2136:a:b@ns.example'}",
		domain + "{provider: 'powerdns:ftp://a.example'}", domain + "{provider: 'powerdns:http://a:b@c.example'}", domain + "{provider: 'powerdns:http://c.example/?key=a'}", domain + "{provider: [cloudflare]}", domain + "{tsig-key: {}}",
		mtaFile("listn: {}"), mtaFile("listen: {mx: smtp}"), mtaFile("listen: {mx: []}"), mtaFile("tls: {cert: a}"), mtaFile("tls: {acme: {directory: 'http://a.example'}}"), mtaFile("tls: {acme: {external-account: {key-id: a}}}"), mtaFile("aliases: [a]"),
		mtaFile("users: {ann: {password: a}}"), mtaFile("users: {ann: {password-hash: a}}"), mtaFile("users: [ann]"), mtaFile("dmarc: off"), mtaFile("test-mailbox: maybe"), mtaFile("relays: {a: {port: 1}}"),
		mtaFile("relays: {a: {host: a.example, port: 70000}}"), mtaFile("relays: {a: {host: a.example, tls: maybe}}"), mtaFile("routes: {via: direct}"), mtaFile("routes: [{via: direct, after: 0}]"),
		mtaFile("warm-up: {first: 1, last: 2}"), mtaFile("warm-up: {start: 2026-12-01, first: 1, last: 2, factor: 1}"), mtaFile("limits: {message: big}"), mtaFile("limits: {queue: 0}"), mtaFile("limits: {give-up: soon}"), mtaFile("metrics: here"),
	} {
		if err := schema.Validate(jsonOf(t, wrong)); err == nil {
			t.Errorf("the schema allows %q", wrong)
		}
		if _, problems := Parse([]byte(wrong), files); len(problems) == 0 {
			t.Errorf("Parse reads %q", wrong)
		}
	}
}

// TestSchemaHasEveryKey: nothing in the tables goes without a word.
func TestSchemaHasEveryKey(t *testing.T) {
	for _, keys := range [][2]any{{"file", keyNames(fileKeys())}, {"domain", keyNames(settingKeys())}, {"dmarc", keyNames(dmarcKeys())}, {"mta", keyNames(mtaKeys())}, {"limits", keyNames(limitKeys())}} {
		for _, name := range keys[1].([]string) {
			if !strings.Contains(string(Schema()), `"`+name+`": {`) {
				t.Errorf("the schema lacks %s of %s", name, keys[0])
			}
		}
	}
}
