package dmarc

import "testing"

func TestMerge(t *testing.T) {
	tests := []struct {
		texts []string
		want  string
	}{
		{[]string{"v=DMARC1; p=none; rua=mailto:a@example.org", "v=DMARC1; p=reject; rua=mailto:b@example.net"}, "v=DMARC1; p=none; rua=mailto:a@example.org,mailto:b@example.net"},
		{[]string{"v=DMARC1; p=reject; adkim=s; aspf=s", "v=DMARC1; p=quarantine; adkim=s; rua=mailto:a@example.org"}, "v=DMARC1; p=quarantine; adkim=s; rua=mailto:a@example.org"},
		{[]string{"v=DMARC1; p=reject; rua=mailto:a@example.org", "v=DMARC1; p=reject; sp=none; pct=20; rua=mailto:a@example.org!1m"}, "v=DMARC1; p=reject; sp=none; rua=mailto:a@example.org"},
		{[]string{"v=DMARC1", "v=DMARC1; fo=1; ruf=mailto:f@example.org"}, "v=DMARC1; p=none; ruf=mailto:f@example.org; fo=1"},
		{[]string{"v=DMARC1; p=quarantine; t=y", "v=DMARC1; p=reject", "v=DMARC1; p=bogus"}, "v=DMARC1; p=quarantine; t=y"},
	}
	for _, tt := range tests {
		var records []Record
		for _, text := range tt.texts {
			r, _ := Parse(text)
			records = append(records, r)
		}
		if got := Merge(records...).String(); got != tt.want {
			t.Errorf("Merge(%q) = %q\nwant %q", tt.texts, got, tt.want)
		}
	}
}
