package zonelint

import (
	"context"
	"errors"
	"strings"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
	"github.com/maildoctor/maildoctor/zonefile"
)

// A File is one zone file, and what of it could not be read.
type File struct {
	zonefile.File
	Problems []zonefile.Problem
	// Zone is the zone that the file is of, or a part of, absolute.
	Zone string
}

// ZoneOf is the zone that a file is of: the owner of its SOA record, else its
// first $ORIGIN, else what all its names have in common. ok is false where it
// does not tell, or where a name was read without knowing what it ends in.
func ZoneOf(f zonefile.File) (zone string, ok bool) {
	if apex, ok := f.Apex(); ok {
		return apex, apex != "." && f.Unrooted == 0
	}
	for _, d := range f.Directives {
		if d.Name == "$ORIGIN" && len(record.Labels(d.Origin)) > 1 {
			return d.Origin, true
		}
	}
	if f.Unrooted > 0 || len(f.Entries) == 0 {
		return "", false
	}
	zone = f.Entries[0].Name
	for _, e := range f.Entries {
		for !record.Within(e.Name, zone) {
			zone = record.Parent(zone)
		}
	}
	for labels := record.Labels(zone); len(labels) > 2 && (strings.HasPrefix(labels[0], "_") || labels[0] == "*"); labels = labels[1:] {
		zone = record.Parent(zone)
	}
	return zone, len(record.Labels(zone)) > 1
}

// Lint judges files, each by every rule: one report for each, in order, without
// a time. What one zone says of another is held against the other's file. Once
// ctx has ended the reports are cut short.
func Lint(ctx context.Context, files []File) []diagnosis.Report {
	world := worldOf(files)
	reports := make([]diagnosis.Report, len(files))
	for i, f := range files {
		z := newZone(ctx, f, world)
		reports[i] = diagnosis.Report{Domain: record.Display(z.name)}
		for _, r := range rules() {
			reports[i].Results = append(reports[i].Results, z.result(r))
		}
		reports[i].CutShort = ctx.Err() != nil
	}
	return reports
}

// result judges by one rule.
func (z *zone) result(r rule) diagnosis.Result {
	v := r.judge(z)
	result := diagnosis.Result{
		Rule: r.Rule, Outcome: v.Outcome(), Severity: r.Severity,
		Seen: v.Seen, Findings: v.Findings, Doubts: v.Doubts,
	}
	switch result.Outcome {
	case diagnosis.Skipped:
		result.Reason = v.Skip
	case diagnosis.Unknown:
		result.Reason = v.Doubts[0].Reason
	case diagnosis.Failed:
		result.Severity = v.Findings[0].Severity
		for _, f := range v.Findings {
			result.Severity = max(result.Severity, f.Severity)
		}
	}
	return result
}

// errBeyond is the answer to what the files do not say.
var errBeyond = errors.New("it is not in the files")

// beyond is the rest of the world, which is not asked.
type beyond struct{}

func (beyond) Resolve(context.Context, resolve.Question) (resolve.Answer, error) {
	return resolve.Answer{}, errBeyond
}

// worldOf answers from files: a whole zone knows what is not there, a fragment
// only what is.
func worldOf(files []File) resolve.Resolver {
	var world resolve.Resolver = beyond{}
	for _, f := range files {
		var inside []record.Record
		for _, e := range f.Entries {
			if record.Within(e.Name, f.Zone) {
				inside = append(inside, e.Record)
			}
		}
		zone := resolve.NewZone(inside)
		if _, whole := f.Apex(); whole {
			world = resolve.NewLayer(world, f.Zone, zone)
		} else {
			world = fragment{zone, world}
		}
	}
	return world
}

// A fragment answers what it holds; the rest of its zone is elsewhere.
type fragment struct {
	zone *resolve.Zone
	rest resolve.Resolver
}

func (f fragment) Resolve(ctx context.Context, q resolve.Question) (resolve.Answer, error) {
	answer, err := f.zone.Resolve(ctx, q)
	if err == nil && len(answer.Records) > 0 {
		return answer, nil
	}
	return f.rest.Resolve(ctx, q)
}
