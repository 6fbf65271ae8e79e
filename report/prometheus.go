package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/maildoctor/maildoctor/diagnosis"
)

// Prometheus writes metrics in the text format that the textfile collector of
// node_exporter reads. Reports on the same subject count once: the last one.
func Prometheus(w io.Writer, reports []diagnosis.Report, _ Options) error {
	reports = lastOfEach(reports)
	var b strings.Builder
	family(&b, reports, "examination_timestamp_seconds", "When the examination began.", func(r diagnosis.Report, put func(value float64, labels ...string)) {
		put(float64(r.At.UnixMilli()) / 1000)
	})
	family(&b, reports, "examination_duration_seconds", "How long it took.", func(r diagnosis.Report, put func(float64, ...string)) { put(r.Took.Seconds()) })
	family(&b, reports, "examination_questions", "DNS questions that left the machine.", func(r diagnosis.Report, put func(float64, ...string)) { put(float64(r.Questions)) })
	family(&b, reports, "examination_complete", "1 unless the examination was cut short.", func(r diagnosis.Report, put func(float64, ...string)) {
		if r.CutShort {
			put(0)
		} else {
			put(1)
		}
	})
	family(&b, reports, "findings", "Findings by severity.", func(r diagnosis.Report, put func(float64, ...string)) {
		t := count(r.Results)
		for s, n := range t.findings {
			put(float64(n), "severity", diagnosis.Severity(s).String())
		}
	})
	family(&b, reports, "checks", "Checks by outcome.", func(r diagnosis.Report, put func(float64, ...string)) {
		t := count(r.Results)
		for o, n := range t.outcomes {
			put(float64(n), "outcome", diagnosis.Outcome(o).String())
		}
	})
	family(&b, reports, "check_failed", "1 for a check that found something, 0 for one that passed; a check that was skipped or could not be told has none.", func(r diagnosis.Report, put func(float64, ...string)) {
		seen := make(map[string]bool)
		for _, result := range r.Results {
			if seen[result.Rule.ID] || result.Outcome != diagnosis.Passed && result.Outcome != diagnosis.Failed {
				continue
			}
			seen[result.Rule.ID] = true
			value := 0.0
			if result.Outcome == diagnosis.Failed {
				value = 1
			}
			put(value, "check", result.Rule.ID, "severity", result.Severity.String())
		}
	})
	_, err := io.WriteString(w, b.String())
	return err
}

// family writes one metric, a gauge, for all reports.
func family(b *strings.Builder, reports []diagnosis.Report, name, help string, of func(r diagnosis.Report, put func(value float64, labels ...string))) {
	name = "maildoctor_" + name
	fmt.Fprintf(b, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name)
	for _, r := range reports {
		of(r, func(value float64, labels ...string) {
			fmt.Fprintf(b, "%s{domain=%s", name, label(identity(r)))
			for i := 0; i+1 < len(labels); i += 2 {
				fmt.Fprintf(b, ",%s=%s", labels[i], label(labels[i+1]))
			}
			fmt.Fprintf(b, "} %g\n", value)
		})
	}
}

// label is the value of a label, in quotes.
func label(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(Escape(s)) + `"`
}

func lastOfEach(reports []diagnosis.Report) []diagnosis.Report {
	at := make(map[string]int)
	var list []diagnosis.Report
	for _, r := range reports {
		if i, ok := at[identity(r)]; ok {
			list[i] = r
			continue
		}
		at[identity(r)] = len(list)
		list = append(list, r)
	}
	return list
}
