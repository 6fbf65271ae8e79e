package report

import (
	"cmp"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/diagnosis"
)

// The parts of SARIF 2.1.0 that are used (OASIS, section 3).
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool        sarifTool         `json:"tool"`
		Invocations []sarifInvocation `json:"invocations"`
		Results     []sarifResult     `json:"results"`
		ColumnKind  string            `json:"columnKind"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name           string      `json:"name"`
		Version        string      `json:"version,omitempty"`
		InformationURI string      `json:"informationUri"`
		Rules          []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID               string          `json:"id"`
		ShortDescription sarifText       `json:"shortDescription"`
		FullDescription  *sarifText      `json:"fullDescription,omitempty"`
		Help             sarifText       `json:"help"`
		HelpURI          string          `json:"helpUri,omitempty"`
		Default          sarifConfig     `json:"defaultConfiguration"`
		Properties       sarifProperties `json:"properties"`
	}
	sarifConfig struct {
		Level string `json:"level"`
	}
	sarifProperties struct {
		Tags []string `json:"tags"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifInvocation struct {
		ExecutionSuccessful bool                `json:"executionSuccessful"`
		Start               string              `json:"startTimeUtc,omitempty"`
		End                 string              `json:"endTimeUtc,omitempty"`
		Notifications       []sarifNotification `json:"toolExecutionNotifications"`
	}
	sarifNotification struct {
		Level          string      `json:"level"`
		Message        sarifText   `json:"message"`
		AssociatedRule sarifRuleID `json:"associatedRule"`
	}
	sarifRuleID struct {
		ID string `json:"id"`
	}
	sarifResult struct {
		RuleID       string            `json:"ruleId"`
		RuleIndex    int               `json:"ruleIndex"`
		Level        string            `json:"level"`
		Message      sarifText         `json:"message"`
		Locations    []sarifLocation   `json:"locations"`
		Fingerprints map[string]string `json:"partialFingerprints"`

		Suppressions []sarifSuppression `json:"suppressions,omitempty"`
	}
	sarifSuppression struct {
		Kind          string `json:"kind"`
		Status        string `json:"status"`
		Justification string `json:"justification"`
	}
	sarifLocation struct {
		Physical sarifPhysical  `json:"physicalLocation"`
		Logical  []sarifLogical `json:"logicalLocations,omitempty"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   sarifRegion   `json:"region"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine int `json:"startLine"`
	}
	sarifLogical struct {
		Name string `json:"name"`
		Kind string `json:"kind"`
	}
)

// SARIF writes the findings as a log of static analysis (SARIF 2.1.0): one run,
// each rule with its help, each finding at its line where it comes from a zone file
// and else at dns/DOMAIN. Its fingerprint stays while the finding does. What could
// not be told is a notification of the run, and no result.
func SARIF(w io.Writer, reports []diagnosis.Report, o Options) error {
	rules, index := sarifRules(reports)
	run := sarifRun{
		Tool:       sarifTool{sarifDriver{Name: "maildoctor", Version: o.Version, InformationURI: home, Rules: rules}},
		Results:    []sarifResult{},
		ColumnKind: "unicodeCodePoints",
	}
	for _, r := range reports {
		run.Invocations = append(run.Invocations, sarifInvocationOf(r))
	}
	if run.Invocations == nil {
		run.Invocations = []sarifInvocation{{ExecutionSuccessful: true, Notifications: []sarifNotification{}}}
	}
	for _, f := range allFound(reports) {
		run.Results = append(run.Results, sarifResultOf(f, index))
	}
	for _, f := range allWaived(reports) {
		one := sarifResultOf(f.found, index)
		one.Suppressions = []sarifSuppression{{"external", "accepted", waiverText(f.waived)}}
		run.Results = append(run.Results, one)
	}
	return writeJSON(w, sarifLog{Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0", Runs: []sarifRun{run}})
}

// home is where the project lives.
const home = "https://github.com/maildoctor/maildoctor"

// sarifRules are the rules of all findings, waived or not, by ID, with their places.
func sarifRules(reports []diagnosis.Report) ([]sarifRule, map[string]int) {
	byID := make(map[string]sarifRule)
	all := allFound(reports)
	for _, f := range allWaived(reports) {
		all = append(all, f.found)
	}
	for _, f := range all {
		if _, ok := byID[f.rule.ID]; !ok {
			byID[f.rule.ID] = sarifRuleOf(f)
		}
	}
	list := make([]sarifRule, 0, len(byID))
	for _, r := range byID {
		list = append(list, r)
	}
	slices.SortFunc(list, func(a, b sarifRule) int { return cmp.Compare(a.ID, b.ID) })
	index := make(map[string]int)
	for id := range byID {
		index[id], _ = slices.BinarySearchFunc(list, flat(id), func(r sarifRule, id string) int { return cmp.Compare(r.ID, id) })
	}
	return list, index
}

func sarifRuleOf(f found) sarifRule {
	id := flat(f.rule.ID)
	topic, _, _ := strings.Cut(id, ".")
	r := sarifRule{
		ID: id, ShortDescription: sarifText{cmp.Or(flat(f.rule.Title), id)}, Help: sarifText{cmp.Or(flat(f.rule.Why), flat(f.rule.Title), id) + "\n\nmaildoctor explain " + id},
		HelpURI: sarifURI(f.rule), Default: sarifConfig{sarifLevel(f.of)}, Properties: sarifProperties{[]string{"mail", topic}},
	}
	if why := flat(f.rule.Why); why != "" {
		r.FullDescription = &sarifText{why}
	}
	if slices.Equal(r.Properties.Tags[:1], r.Properties.Tags[1:]) {
		r.Properties.Tags = r.Properties.Tags[:1]
	}
	return r
}

// sarifURI is a source that is a URI without doubt.
func sarifURI(r diagnosis.Rule) string {
	url := source(r)
	if strings.Trim(url, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~:/?#@=&+,;()") != "" {
		return ""
	}
	return url
}

func sarifLevel(s diagnosis.Severity) string {
	switch s {
	case diagnosis.Advice:
		return "note"
	case diagnosis.Warning:
		return "warning"
	}
	return "error"
}

func sarifResultOf(f found, index map[string]int) sarifResult {
	at := f.location()
	text := f.text()
	if lines := cureOf(f.Remedy); len(lines) > 0 {
		text += "\n" + strings.Join(lines, "\n")
	}
	return sarifResult{
		RuleID: flat(f.rule.ID), RuleIndex: index[f.rule.ID], Level: sarifLevel(f.Severity), Message: sarifText{text},
		Locations: []sarifLocation{{
			Physical: sarifPhysical{sarifArtifact{uriPath(at.file)}, sarifRegion{at.line}},
			Logical:  []sarifLogical{{cmp.Or(flat(f.Subject), flat(identity(f.report))), "resource"}},
		}},
		Fingerprints: map[string]string{"maildoctorFinding/v1": f.fingerprint()},
	}
}

// uriPath is a path as a relative reference (RFC 3986, 4.2).
func uriPath(path string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(path) {
		c := path[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~/", c) >= 0 {
			b.WriteByte(c)
		} else {
			b.WriteString("%" + string(hex[c>>4]) + string(hex[c&15]))
		}
	}
	return b.String()
}

func sarifInvocationOf(r diagnosis.Report) sarifInvocation {
	i := sarifInvocation{ExecutionSuccessful: !r.CutShort, Start: sarifTime(r.At), End: sarifTime(r.At.Add(r.Took)), Notifications: []sarifNotification{}}
	for _, result := range r.Results {
		for _, d := range doubts(result) {
			i.Notifications = append(i.Notifications, sarifNotification{"note", sarifText{subject(r) + ": could not be told: " + d}, sarifRuleID{flat(result.Rule.ID)}})
		}
	}
	return i
}

func sarifTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
