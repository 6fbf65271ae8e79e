package cmd

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/report"
)

// maxRounds is how often what a cure leaves, or brings, is cured in turn: a
// record with two faults may need two.
const maxRounds = 4

// rehearsed plans what is wished, and examines before and after. With a fix the
// remedies of the last examination are added to the plan, until there are no
// further ones.
func (p planning) rehearsed(ctx context.Context) (report.Planned, error) {
	var planned report.Planned
	there, err := p.there(ctx, p.world)
	if err != nil {
		return planned, err
	}
	before := p.examined(ctx, nil)
	cures := newCures(p)
	after := before
	if len(p.wishes) == 0 {
		cures.of(before)
	}
	for round := 0; ; round++ {
		wishes := slices.Concat(p.wishes, cures.wishes)
		current, err := there.records(ctx, wishes)
		if err != nil {
			return planned, err
		}
		planned.Plan, planned.Conflicts = plan.Make(current, wishes, there.given())
		if after = before; !planned.Plan.Empty() {
			after = p.examined(ctx, planned.Plan.Edits())
		}
		if round == maxRounds || ctx.Err() != nil || !cures.of(after) {
			break
		}
	}
	planned.Plan.Source, planned.Plan.Made = there.String(), time.Now().UTC()
	planned.Plan.Provider, planned.Plan.TSIGKey = p.from.spec, p.from.tsigKey
	rehearsal := plan.Rehearse(before, after)
	planned.Rehearsal, planned.Accepted = &rehearsal, p.accepted
	planned.Tasks = slices.Concat(p.tasks, cures.elsewhere(&planned), left(after))
	return planned, nil
}

// examined is the report on the domain as it would be after edits.
func (p planning) examined(ctx context.Context, edits []record.Edit) diagnosis.Report {
	limited, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	shown := p.progress()
	defer shown.stop()
	r := p.world.with(edits).examine(limited, subject{domain: p.domain}, p.all, shown.observe)
	receiversAsked().answer(&r)
	return r
}

// A cures gathers the remedies of examinations as wishes.
type cures struct {
	p      planning
	owned  map[record.Slot]bool // slots of the file, whose wish stands
	at     map[record.Slot]int  // index in wishes
	wishes []plan.Wish
	tasks  map[string]report.Task // what the file's wish stands against, by ID
}

func newCures(p planning) *cures {
	c := &cures{p: p, owned: make(map[record.Slot]bool), at: make(map[record.Slot]int), tasks: make(map[string]report.Task)}
	for _, w := range p.wishes {
		c.owned[bare(w.Edit.Slot)] = true
	}
	return c
}

// bare is a slot as slots are told apart.
func bare(s record.Slot) record.Slot {
	s.Tag = strings.ToLower(s.Tag)
	return s
}

// of adds the remedies of a report, and reports whether there were new ones. Of
// two that want a slot otherwise the first stands; what it leaves to do the next
// examination tells.
func (c *cures) of(r diagnosis.Report) bool {
	if c.p.fix == nil {
		return false
	}
	taken := make(map[record.Slot]bool)
	news := false
	for _, result := range r.Results {
		if !c.p.cure[result.Rule.ID] {
			continue
		}
		for _, f := range result.Findings {
			if f.Severity >= *c.p.fix && c.free(f.Remedy.Edits, result.Rule.ID, taken) {
				news = c.add(f, result.Rule.ID, taken) || news
			}
		}
	}
	return news
}

// free reports whether no other wish of this round, and none of the file, is
// about the same slots.
func (c *cures) free(edits []record.Edit, id string, taken map[record.Slot]bool) bool {
	for _, e := range edits {
		if c.owned[bare(e.Slot)] {
			c.tasks[id] = report.Task{Subject: id, Text: fmt.Sprintf("would have %s otherwise than %s wants it; the file stands", plan.Title(e.Slot), c.p.wisher(e.Slot))}
			return false
		}
		if taken[bare(e.Slot)] {
			return false
		}
	}
	return true
}

// wisher is who wants a slot by the file.
func (p planning) wisher(slot record.Slot) string {
	for _, w := range p.wishes {
		if bare(w.Edit.Slot) == bare(slot) {
			return w.From
		}
	}
	return wantedFile
}

func (c *cures) add(f diagnosis.Finding, id string, taken map[record.Slot]bool) (news bool) {
	for _, e := range f.Remedy.Edits {
		slot := bare(e.Slot)
		taken[slot] = true
		w := plan.Wish{Edit: e, Reason: f.Message, From: id}
		i, again := c.at[slot]
		switch {
		case !again:
			c.at[slot] = len(c.wishes)
			c.wishes = append(c.wishes, w)
			news = true
		case !slices.Equal(c.wishes[i].Edit.Want, e.Want):
			if !strings.Contains(c.wishes[i].From, id) {
				w.From = c.wishes[i].From + ", " + id
				w.Reason = c.wishes[i].Reason + "; " + f.Message
			} else {
				w.From, w.Reason = c.wishes[i].From, c.wishes[i].Reason
			}
			c.wishes[i] = w
			news = true
		}
	}
	return news
}

// elsewhere takes the conflicts of cures out of those of the plan: what a check
// prescribes for another zone is for its owner to do, and no fault of the plan.
func (c *cures) elsewhere(planned *report.Planned) []report.Task {
	var list []report.Task
	for _, t := range c.tasks {
		list = append(list, t)
	}
	slices.SortFunc(list, func(a, b report.Task) int { return strings.Compare(a.Subject, b.Subject) })
	planned.Conflicts = slices.DeleteFunc(planned.Conflicts, func(conflict plan.Conflict) bool {
		i, cure := c.at[bare(conflict.Slot)]
		if !cure {
			return false
		}
		text := conflict.Why
		for _, r := range c.wishes[i].Edit.Want {
			text += "; the record is " + r.String()
		}
		list = append(list, report.Task{Subject: c.wishes[i].From, Text: text})
		return true
	})
	return list
}

// left is what a person has to do after the plan: the first step against each
// finding above advice that no record cures.
func left(after diagnosis.Report) []report.Task {
	const most = 200 // characters of a step
	var list []report.Task
	for _, result := range after.Results {
		for _, f := range result.Findings {
			if f.Severity == diagnosis.Advice || len(f.Remedy.Edits) > 0 || len(f.Remedy.Steps) == 0 {
				continue
			}
			step := []rune(f.Remedy.Steps[0])
			if len(step) > most {
				step = append(step[:most], '…')
			}
			list = append(list, report.Task{Subject: result.Rule.ID, Text: string(step)})
			break
		}
	}
	return list
}
