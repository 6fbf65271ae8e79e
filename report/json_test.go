package report_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/report"
)

func toJSON(t testing.TB, reports ...diagnosis.Report) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := report.JSON(&b, reports); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func compile(t testing.TB) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(report.Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	c.AssertContent()
	if err := c.AddResource("report.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("report.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func validate(t testing.TB, s *jsonschema.Schema, doc []byte) error {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(doc))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(v)
}

func TestSchema(t *testing.T) {
	s := compile(t)
	if err := validate(t, s, toJSON(t)); err != nil {
		t.Errorf("no reports: %v", err)
	}
	good := toJSON(t, healthy(), sick(), interrupted())
	if err := validate(t, s, good); err != nil {
		t.Errorf("the schema refuses what JSON writes: %v", err)
	}
	for _, c := range []struct{ name, old, new string }{
		{"another version", "maildoctor.report/v1", "maildoctor.report/v2"},
		{"an outcome that is none", `"outcome": "passed"`, `"outcome": "well"`},
		{"a failure without findings", `"outcome": "unknown"`, `"outcome": "failed"`},
		{"null for an array", `"steps": []`, `"steps": null`},
		{"a field is missing", `"cut_short": false,`, ``},
		{"a fraction of a millisecond", `"took_ms": 340`, `"took_ms": 340.5`},
		{"a time that is none", "2026-11-22T02:00:00Z", "yesterday"},
		{"an ID without a topic", `"id": "mx.exists"`, `"id": "mx"`},
		{"a state of an SPF term that is none", `"state": "found"`, `"state": "lost"`},
		{"a sight without an outcome", `"seen": "2 hosts",
              "outcome": "passed"`, `"seen": "2 hosts"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			bad := bytes.Replace(good, []byte(c.old), []byte(c.new), 1)
			if bytes.Equal(bad, good) {
				t.Fatalf("%s is not in the document", c.old)
			}
			if validate(t, s, bad) == nil {
				t.Error("the schema takes it")
			}
		})
	}
	if err := validate(t, s, bytes.Replace(good, []byte(`"cut_short"`), []byte(`"new_field": 1, "cut_short"`), 1)); err != nil {
		t.Errorf("a field of a later minor version: %v", err)
	}
}

// Every field of every type survives; what does not travel is documented.
func TestRoundTrip(t *testing.T) {
	everything := sick()
	everything.Results[1].Findings[0].Remedy.Edits = []record.Edit{{
		Slot: record.Slot{Name: "example.org.", Type: "TXT", Tag: "v=spf1"},
		Want: []record.Record{{Name: "example.org.", Type: "TXT", TTL: 4294967295, Data: "\x00\xff\xfe\u202e\u009b\U000e0041 <&> \" \\ \ufffd"}},
	}}
	everything.Results[1].Seen = []diagnosis.Evidence{{Question: "TXT x", Answer: "\xc3(\nsecond"}}
	everything.Results[1].Rule.Refs = []diagnosis.Ref{{Name: "RFC 5321, 5.1", URL: "https://example.net/?a=1&b=2"}}
	want := []diagnosis.Report{healthy(), everything, interrupted()}
	got, err := report.ReadJSON(bytes.NewReader(toJSON(t, want...)))
	if err != nil {
		t.Fatal(err)
	}
	for i := range want {
		for j := range want[i].Results {
			want[i].Results[j].Rule.Severity = 0
			want[i].Results[j].Rule.Doc = ""
		}
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
}

// A report read back reads the same as the one that was written.
func TestRoundTripText(t *testing.T) {
	for _, r := range []diagnosis.Report{healthy(), sick(), interrupted()} {
		back, err := report.ReadJSON(bytes.NewReader(toJSON(t, r)))
		if err != nil {
			t.Fatal(err)
		}
		if got, want := render(t, report.TextOptions{}, back...), render(t, report.TextOptions{}, r); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	}
}

func TestJSONIsInert(t *testing.T) {
	doc := toJSON(t, hostile())
	if bad := firstControl(string(doc), false); bad != "" {
		t.Errorf("the document holds %s", bad)
	}
	if !json.Valid(doc) || bytes.Contains(doc, []byte("null")) {
		t.Errorf("not JSON, or null in it: %s", doc)
	}
}

func TestJSONGolden(t *testing.T) { golden(t, "sick.json", string(toJSON(t, sick()))) }

// A clock elsewhere, a negative duration: the document stays canonical.
func TestJSONOddValues(t *testing.T) {
	r := healthy()
	r.At, r.Took, r.Questions = at.In(time.FixedZone("", 3600)), -time.Second, -1
	doc := toJSON(t, r)
	if err := validate(t, compile(t), doc); err != nil {
		t.Error(err)
	}
	if !bytes.Contains(doc, []byte(`"at": "2026-11-22T02:00:00Z"`)) {
		t.Errorf("the time is not in UTC: %s", doc[:120])
	}
}

func TestReadJSONRefuses(t *testing.T) {
	good := string(toJSON(t, sick()))
	for _, c := range []struct{ name, doc, want string }{
		{"nothing", "", "not valid JSON"},
		{"text", "── example.org", "not valid JSON"},
		{"a document and more", good + "}", "not valid JSON"},
		{"something else", `{"name":"x"}`, `not a maildoctor report: it has no "schema"`},
		{"a list", `[]`, "not valid JSON"},
		{"the next version", strings.Replace(good, "report/v1", "report/v2", 1), `schema "maildoctor.report/v2", this version reads "maildoctor.report/v1"`},
		{"the next version in a new shape", `{"schema":"maildoctor.report/v2","reports":7}`, "this version reads"},
		{"another shape", `{"schema":"maildoctor.report/v1","reports":7}`, "does not fit"},
		{"no outcome", strings.Replace(good, `"outcome": "passed",`, "", 1), `reports[0]: results[0]: no outcome ""`},
		{"no severity", strings.Replace(good, `"severity": "warning",`, "", 1), `no severity ""`},
		{"no id", strings.Replace(good, `"id": "mx.exists",`, "", 1), "no id"},
		{"no domain", strings.Replace(good, `"domain": "sick.example",`, "", 1), "no domain"},
		{"no time", strings.Replace(good, `2026-11-22T02:00:00Z`, "soon", 1), "not a time"},
		{"less than no time", strings.Replace(good, `"took_ms": 1234`, `"took_ms": -1`, 1), "not a duration"},
		{"more time than there is", strings.Replace(good, `"took_ms": 1234`, `"took_ms": 9223372036854775807`, 1), "not a duration"},
		{"a TTL of 33 bits", strings.Replace(good, `"ttl": 3600`, `"ttl": 4294967296`, 1), "does not fit"},
		{"bad octets", strings.Replace(good, `"ttl": 3600,`, `"ttl": 3600, "data_base64": "!",`, 1), "data_base64: not base64"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := report.ReadJSON(strings.NewReader(c.doc))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

func TestReadJSONTolerates(t *testing.T) {
	reports, err := report.ReadJSON(strings.NewReader(`{"new":1,"schema":"maildoctor.report/v1","reports":[
		{"domain":"example.org","at":"2026-11-22T03:00:00+01:00","results":[{"id":"a.b","outcome":"passed","severity":"advice","later":{}}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if len(reports) != 1 || !reports[0].At.Equal(at) || len(reports[0].Results) != 1 || reports[0].Results[0].Rule.ID != "a.b" {
		t.Errorf("got %+v", reports)
	}
}

// endless is an input without an end.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	e.read += len(p)
	return len(p), nil
}

func TestReadJSONIsBounded(t *testing.T) {
	var in endless
	if _, err := report.ReadJSON(&in); err == nil || !strings.Contains(err.Error(), "larger than 64 MiB") {
		t.Errorf("error %v", err)
	}
	if in.read > 65<<20 {
		t.Errorf("read %d octets", in.read)
	}
}

// What is read can be written, and is read back the same.
func FuzzReadJSON(f *testing.F) {
	small := sick()
	small.Results = small.Results[4:6]
	f.Add(toJSON(f, small))
	small = hostileWith("\x9b\n\u202e")
	small.Results = small.Results[1:2]
	f.Add(toJSON(f, small))
	f.Add([]byte(`{"schema":"maildoctor.report/v1","reports":[]}`))
	f.Add([]byte(`{"schema":"maildoctor.report/v1","reports":[{"domain":"\ud800","at":"0000-01-01T00:00:00+01:00","results":null}]}`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		reports, err := report.ReadJSON(bytes.NewReader(doc))
		if err != nil {
			return
		}
		first := toJSON(t, reports...)
		again, err := report.ReadJSON(bytes.NewReader(first))
		if err != nil {
			t.Fatalf("cannot read back: %v\n%s", err, first)
		}
		if second := toJSON(t, again...); !bytes.Equal(first, second) {
			t.Fatalf("not a fixpoint:\n%s\n%s", first, second)
		}
		if bad := firstControl(string(first), false); bad != "" {
			t.Fatalf("the document holds %s", bad)
		}
		render(t, report.TextOptions{}, reports...)
	})
}
