package feedback_test

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/feedback"
)

// sample is a report with one record.
const sample = `<?xml version="1.0"?><feedback><report_metadata><org_name>R</org_name><email>d@receiver.example</email><report_id>1</report_id>` +
	`<date_range><begin>1793491200</begin><end>1793577599</end></date_range></report_metadata><policy_published><domain>example.com</domain><p>none</p></policy_published>` +
	`<record><row><source_ip>192.0.2.25</source_ip><count>3</count><policy_evaluated><disposition>none</disposition><dkim>pass</dkim><spf>fail</spf></policy_evaluated></row>` +
	`<identifiers><header_from>example.com</header_from></identifiers><auth_results><dkim><domain>example.com</domain><selector>s</selector><result>pass</result></dkim></auth_results></record></feedback>`

func gzipped(content []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(content) // to memory
	_ = w.Close()
	return b.Bytes()
}

func zipped(t testing.TB, files ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		f, err := w.Create(files[i])
		if err == nil {
			_, err = io.WriteString(f, files[i+1])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// outcome is what becomes of a file: "1 record", or why there is none.
func outcome(content []byte) string {
	var list []string
	for doc, err := range feedback.From(context.Background(), "file", bytes.NewReader(content)) {
		if err != nil {
			list = append(list, err.Error())
			continue
		}
		n := 0
		for _, err := range doc.Records() {
			if err != nil {
				list = append(list, err.Error())
				break
			}
			n++
		}
		list = append(list, fmt.Sprintf("%d records of %s", n, doc.Name))
	}
	return strings.Join(list, " | ")
}

func TestContainers(t *testing.T) {
	nested := gzipped(gzipped(gzipped(gzipped(gzipped([]byte(sample))))))
	broken := gzipped([]byte(sample))
	broken[len(broken)-6] ^= 0xff
	mail := "From: <d@receiver.example>\nSubject: x\nMIME-Version: 1.0\nContent-Type: application/gzip; name=a.xml.gz\nContent-Transfer-Encoding: base64\n\n" + base64.StdEncoding.EncodeToString(gzipped([]byte(sample))) + "\n"
	forwarded := "From: <me@example.com>\nContent-Type: message/rfc822\n\n" + mail
	locked := zipped(t, "a.xml", sample)
	central := bytes.Index(locked, []byte("PK\x01\x02"))
	locked[central+8] |= 1
	many := zipped(t, "a.xml", sample)
	end := bytes.LastIndex(many, []byte("PK\x05\x06"))
	binary.LittleEndian.PutUint16(many[end+10:], 0xffff)
	for _, c := range []struct {
		name    string
		content []byte
		want    string
	}{
		{"xml", []byte(sample), "1 records of file"},
		{"gzip", gzipped([]byte(sample)), "1 records of file"},
		{"zip", zipped(t, "a.xml", sample, "b.xml", sample, "readme.txt", "hello", "__MACOSX/._a.xml", "x"), "1 records of file, a.xml | 1 records of file, b.xml | file, readme.txt: it is no report"},
		{"gzip in zip", zipped(t, "a.xml.gz", string(gzipped([]byte(sample)))), "1 records of file, a.xml.gz"},
		{"zip without files", zipped(t), "file: it is empty"},
		{"too deep", nested, "archives in archives"},
		{"checksum", broken, "1 records of file"}, // the report was whole before the checksum came
		{"mail", []byte(mail), "1 records of file, a.xml.gz"},
		{"mail in a mail", []byte(forwarded), "1 records of file, a.xml.gz"},
		{"locked", locked, "locked with a password"},
		{"zip that counts wrong", many, "more files than a zip of reports"},
		{"no zip", []byte("PK\x03\x04 but nothing else"), "damaged, or no zip file"},
		{"no gzip", []byte("\x1f\x8b but nothing else at all"), "damaged, or no gzip file"},
		{"short gzip", []byte("\x1f\x8b\x08"), "breaks off"},
		{"nothing", nil, "it is empty"},
		{"blanks", []byte(" \n\n"), "it is empty"},
		{"failure report", []byte("From: a@receiver.example\nContent-Type: multipart/report; boundary=b\n\n--b\nContent-Type: message/feedback-report\n\nFeedback-Type: auth-failure\n--b--\n"), "a failure report on one message"},
		{"blanks in front", []byte("\n\n " + sample), "1 records of file"},
		{"declared twice", []byte(`<?xml version="1.0"?>` + sample), "1 records of file"},
		{"no last end tag", []byte(strings.TrimSuffix(sample, "</feedback>") + "\n"), "1 records of file"},
		{"cut off in a record", []byte(strings.TrimSuffix(sample, "</record></feedback>")), "breaks off"},
		{"an address in brackets", []byte(strings.Replace(sample, "<email>d@receiver.example<", "<email>D <d@receiver.example><", 1)), "1 records of file"},
		{"gzip in two members", append(gzipped([]byte(sample[:300])), gzipped([]byte(sample[300:]))...), "1 records of file"},
		{"junk behind", []byte(sample + "\n<more/>"), "1 records of file"},
	} {
		if got := outcome(c.content); !strings.Contains(got, c.want) {
			t.Errorf("%s: %s; want %s", c.name, got, c.want)
		}
	}
}

// Bombs are refused, soon and with little memory.
func TestBombs(t *testing.T) {
	text := strings.Repeat("a", 2<<20)
	elements := `<feedback>` + strings.Repeat("<a/>", 20<<20)
	if testing.Short() {
		elements = elements[:1<<20]
	}
	for _, c := range []struct{ name, content, want string }{
		{"one text", sample[:len(sample)-len("</feedback>")] + "<record><row><source_ip>" + text + "</source_ip>", "a text has more than 1024 KiB"},
		{"one name", "<" + text, "a tag that is none"},
		{"one attribute", `<feedback a="` + text + `">`, "a tag has more than 64 KiB"},
		{"one comment", "<feedback><!--" + text, "a comment or the like has more than 1024 KiB"},
		{"one section", "<feedback><![CDATA[" + text, "a comment or the like has more than 1024 KiB"},
		{"depth", "<feedback>" + strings.Repeat("<a>", 1000), "nested deeper than 32"},
		{"entities", `<!DOCTYPE lolz [<!ENTITY lol "lol">]>` + sample, "declares entities"},
		{"entities in the middle", `<feedback><!ENTITY lol "lol">`, "declares entities"},
		{"growth", string(gzipped([]byte(elements))), "attack on who reads it"},
		{"records in front", "<feedback>" + strings.Repeat("<record></record>", 2000), "names no domain"},
	} {
		if c.name == "growth" && testing.Short() {
			continue
		}
		if got := outcome([]byte(c.content)); !strings.Contains(got, c.want) {
			t.Errorf("%s: %.300s; want %s", c.name, got, c.want)
		}
	}
	// What names a document type elsewhere, and declares nothing, is read: it is not fetched.
	if got := outcome([]byte(`<!DOCTYPE feedback SYSTEM "https://example.org/x.dtd">` + sample[len(`<?xml version="1.0"?>`):])); got != "1 records of file" {
		t.Errorf("a document type: %s", got)
	}
}

func TestEntities(t *testing.T) {
	content := strings.Replace(sample, "<org_name>R<", "<org_name>A &amp; B &#x43; &#68; &lol; &#xD800; & &unterminated<", 1)
	for doc, err := range feedback.From(context.Background(), "x", strings.NewReader(content)) {
		if err != nil {
			t.Fatal(err)
		}
		if got, want := doc.Aggregate.Org, "A & B C D &lol; &#xD800; & &unterminated"; got != want {
			t.Errorf("name %q, want %q", got, want)
		}
	}
}

// A TLS report is read as it is meant, or refused.
func TestTLSReports(t *testing.T) {
	const head = `{"organization-name":"R","report-id":"1","date-range":{"start-datetime":"2026-11-01T00:00:00Z","end-datetime":"2026-11-01T23:59:59Z"},"policies":`
	for _, c := range []struct{ content, want string }{
		{head + `[]}`, "0 0 []"},
		{head + `[{"policy":{"policy-type":"STS","policy-domain":"Example.COM.","policy-string":"version: STSv1","mx-host":["a.example","b.example"]},"summary":{"total-successful-session-count":"5","total-failure-session-count":2.0}}]} trailing`, "5 2 [{sts example.com. [a.example b.example] [version: STSv1] 5 2 []}]"},
		{head + `[{"policy":{"policy-type":"tlsa"},"summary":{"total-successful-session-count":-4,"total-failure-session-count":99999999999999999999}}]}`, "0 0 [{tlsa  [] [] 0 0 []}] a count beyond all measure a count below zero"},
		{head + `[{"policy":{},"failure-details":[{"result-type":"Validation-Failure","receiving-mx-hostname":"mx.example","sending-mta-ip":"[IPv6:2001:db8::1]","receiving-ip":"x","failed-session-count":3}]}]}`, "validation-failure 2001:db8::1 mx.example. invalid IP 3"},
		{strings.Replace(head, "2026-11-01T00:00:00Z", "1793491200", 1) + `[]}`, "0 0 []"},
		{strings.Replace(head, "2026-11-01T00:00:00Z", "then", 1) + `[]}`, "its dates cannot be read"},
		{head + `[`, "breaks off"},
		{head + `7}`, "in place of an object or array"},
		{head + `"x"}`, "in place of an object or array"},
		{`{"policies":[]}`, "it is JSON, but no TLS report"},
		{`{"a":}`, "it is no JSON"},
		{head + `[` + strings.Repeat(`{},`, 1001) + `{}]}`, "more than 1000 policies"},
		{head + strings.Repeat(`[`, 20000), "it is no JSON"},
	} {
		var b strings.Builder
		for doc, err := range feedback.From(context.Background(), "x", strings.NewReader(c.content)) {
			if err != nil {
				b.WriteString(err.Error())
				continue
			}
			ok, bad := int64(0), int64(0)
			for _, p := range doc.TLS.Policies {
				ok, bad = ok+p.Successes, bad+p.Failures
			}
			fmt.Fprint(&b, ok, bad, " ", doc.TLS.Policies)
			for i := range doc.Notes {
				fmt.Fprint(&b, " ", doc.Notes[len(doc.Notes)-1-i].Text)
			}
		}
		for _, want := range strings.Split(c.want, " a count") {
			if !strings.Contains(b.String(), strings.TrimSpace(want)) {
				t.Errorf("%.300s: %s; want %s", c.content, b.String(), c.want)
			}
		}
	}
}

// Folders are read whole, Maildirs as they are meant.
func TestFolders(t *testing.T) {
	dir := t.TempDir()
	put := func(name, content string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	put("Maildir/cur/1:2,S", "From: <d@receiver.example>\nContent-Type: text/xml; name=a.xml\n\n"+sample)
	put("Maildir/new/2", "From: <d@receiver.example>\nSubject: lunch\n\nAt noon.\n")
	put("Maildir/tmp/3", sample)
	put("Maildir/.dmarc/cur/4", "From: <d@receiver.example>\nContent-Type: text/xml; name=b.xml\n\n"+sample)
	put("Maildir/dovecot-uidlist", "3 V1 N1\n")
	put("reports/.hidden.xml", sample)
	put("reports/a.xml", sample)
	put("reports/tmp/b.xml", sample) // of no Maildir
	if err := os.Mkdir(filepath.Join(dir, "nothing"), 0o755); err != nil {
		t.Fatal(err)
	}
	var got []string
	for doc, err := range feedback.Read(context.Background(), []string{dir, filepath.Join(dir, "nothing"), filepath.Join(dir, "gone"), "-"}, feedback.Options{Stdin: strings.NewReader(sample)}) {
		var no *feedback.Refusal
		switch {
		case errors.As(err, &no):
			got = append(got, fmt.Sprintf("no %s %v", strings.TrimPrefix(filepath.ToSlash(no.Name), filepath.ToSlash(dir)), no.Other))
		case err != nil:
			t.Fatal(err)
		default:
			got = append(got, strings.TrimPrefix(filepath.ToSlash(doc.Name), filepath.ToSlash(dir)))
		}
	}
	want := "/Maildir/.dmarc/cur/4, b.xml|/Maildir/cur/1:2,S, a.xml|no /Maildir/new/2 true|/reports/a.xml|/reports/tmp/b.xml|no /nothing false|no /gone false|standard input"
	if strings.Join(got, "|") != want {
		t.Errorf("read\n%s\nwant\n%s", strings.Join(got, "|"), want)
	}
}

// It ends when its context does, in the middle of a report too.
func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	records := 0
	var last error
	for doc, err := range feedback.From(ctx, "long.xml", &long{size: 8 << 20}) {
		if last = err; err != nil {
			continue
		}
		for _, err := range doc.Records() {
			if err != nil {
				last = err
				break
			}
			if records++; records == 10 {
				cancel()
			}
		}
	}
	if records > 1000 || last == nil {
		t.Errorf("%d records after the end, error %v", records, last)
	}
}

func TestStopsWhenAsked(t *testing.T) {
	n := 0
	for range feedback.Read(context.Background(), []string{"testdata/reports"}, feedback.Options{}) {
		if n++; n == 2 {
			break
		}
	}
	if n != 2 {
		t.Errorf("%d documents", n)
	}
}
