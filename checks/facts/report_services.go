package facts

import "github.com/maildoctor/maildoctor/record"

// reportServices are services that take DMARC reports for their customers, by the
// domains in the addresses that they give out or of the hosts behind them. They
// are not asked whether they take mail: that is what they are there for, and a
// question of a stranger's tells them nothing.
var reportServices = []struct {
	name    string
	domains []string
}{
	{"Agari", []string{"agari.com"}},
	{"Cloudflare", []string{"dmarc-reports.cloudflare.net"}},
	{"dmarcian", []string{"dmarcian.com", "dmarcian.eu", "dmarcian-ap.com"}},
	{"DMARC Analyzer (Mimecast)", []string{"dmarcanalyzer.com"}},
	{"EasyDMARC", []string{"easydmarc.com", "easydmarc.eu", "easydmarc.us"}},
	{"Fraudmarc", []string{"fraudmarc.com"}},
	{"MXToolbox", []string{"dmarc-report.com"}},
	{"OnDMARC (Red Sift)", []string{"ondmarc.com"}},
	{"Postmark", []string{"dmarc.postmarkapp.com", "dmarcdigests.com"}},
	{"PowerDMARC", []string{"powerdmarc.com"}},
	{"Proofpoint", []string{"emaildefense.proofpoint.com"}},
	{"Report URI", []string{"report-uri.com"}},
	{"URIports", []string{"uriports.com"}},
	{"Valimail", []string{"vali.email", "valimail.com"}},
}

// reportService is the service that a report domain, or its mail host, belongs to.
func reportService(h ReportHost) string {
	names := []string{h.Name}
	for _, r := range h.MX.Records {
		if _, host, ok := r.MX(); ok {
			names = append(names, host)
		}
	}
	for _, service := range reportServices {
		for _, domain := range service.domains {
			for _, name := range names {
				if record.Within(name, domain) {
					return service.name
				}
			}
		}
	}
	return ""
}
