package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/maildoctor/maildoctor/migration"
)

// maxMoveItems is how many items a checklist lists; the rest is counted.
const maxMoveItems = 100

// MoveMarkdown writes a move as a checklist for a ticket (GitHub's and GitLab's
// flavour): what stands in the way, what only the owner knows, then the steps in
// their order with dates, records, what must be green, and the way back.
func MoveMarkdown(w io.Writer, m migration.Move) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n", inline(moveTitle(m)))
	if m.Switch.IsZero() {
		b.WriteString("The day of the switch (T) is not settled yet.\n\n")
	} else {
		fmt.Fprintf(&b, "Senders find the new server from **%s** on (T).\n\n", moveDate(m.Switch))
	}
	fmt.Fprintf(&b, "%s\n", inline(MoveState(m)))
	markdownBlockers(&b, m)
	markdownAsked(&b, m)
	if len(m.Steps) > 0 {
		b.WriteString("\n## Steps\n")
	}
	for i, s := range m.Steps {
		markdownMoveStep(&b, m, i+1, s)
	}
	markdownItems(&b, m)
	_, err := io.WriteString(w, b.String())
	return err
}

// box is the check box of an item of a list.
func box(done bool) string {
	if done {
		return "- [x] "
	}
	return "- [ ] "
}

func markdownBlockers(b *strings.Builder, m migration.Move) {
	for _, list := range []struct {
		head string
		list []migration.Blocker
	}{{"In the way", moveStops(m)}, {"What the plan waits for", movePauses(m)}} {
		if len(list.list) > 0 {
			b.WriteString("\n## " + list.head + "\n\n")
			markdownBlocked(b, m, list.list)
		}
	}
}

func markdownBlocked(b *strings.Builder, m migration.Move, list []migration.Blocker) {
	for _, one := range list {
		fmt.Fprintf(b, "%s%s %s", box(false), emoji(moveGrade(m, one)), inline(moveBlocker(one)))
		if step := moveStep(m, one.Step); step != "" {
			fmt.Fprintf(b, " **Before: %s.**", inline(step))
		}
		if lift := moveLift(one); lift != "" {
			fmt.Fprintf(b, "\n  %s", inline(lift))
		}
		fmt.Fprintf(b, " (%s)\n", inline(one.ID))
	}
}

func markdownAsked(b *strings.Builder, m migration.Move) {
	list := moveItems(m, migration.Ask)
	if len(list) == 0 {
		return
	}
	b.WriteString("\n## To ask the owner\n\n")
	for i, item := range list {
		if i == maxMoveItems {
			fmt.Fprintf(b, "- and %d more\n", len(list)-i)
			return
		}
		fmt.Fprintf(b, "%s%s %s: %s", box(false), inline(item.Kind), inline(title(item.Subject)), inline(clip(flat(item.Seen), 200)))
		if item.Why != "" {
			fmt.Fprintf(b, "\n  %s", inline(item.Why))
		}
		b.WriteString("\n")
	}
}

// markdownMoveStep puts a step. What belongs to its box stands under it, indented.
func markdownMoveStep(b *strings.Builder, m migration.Move, number int, s migration.Step) {
	const indent = "  "
	done := !s.Done.IsZero()
	head := moveWhen(m, s)
	if done {
		head = "done " + head
	}
	fmt.Fprintf(b, "\n%s**%d. %s** · %s\n", box(done), number, inline(s.Title), inline(head))
	under := func(text string) {
		if text != "" {
			fmt.Fprintf(b, "\n%s%s\n", indent, text)
		}
	}
	under(inline(moveWhy(s)))
	under(markdownNames("Must be green before: ", s.Before))
	for i, task := range s.Tasks {
		if i == 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(b, "%s%s%s\n", indent, box(done), inline(task))
	}
	if records := moveRecords(s.Plan); len(records) > 0 {
		under(box(done) + "Change the records:")
		b.WriteString("\n")
		for line := range strings.Lines(fencedAs("diff", strings.Join(records, "\n"))) {
			b.WriteString(indent + indent + line)
		}
	}
	for _, c := range s.Plan.Concerns {
		under(emoji(warning) + " " + inline(c.Text))
	}
	under(inline(moveRehearsed(s.Rehearsal)))
	under(markdownNames("Must be green after: ", s.After))
	under(inline(moveWait(s)))
	if s.Rollback != "" {
		under("**Way back:** " + inline(s.Rollback))
	}
}

// markdownNames are IDs behind a head, or nothing.
func markdownNames(head string, ids []string) string {
	if len(ids) == 0 {
		return ""
	}
	return head + strings.Join(each(ids, inline), ", ")
}

// fencedAs is a block of code in a language.
func fencedAs(language, s string) string {
	block := fenced(s)
	fence, rest, _ := strings.Cut(block, "\n")
	return fence + language + "\n" + rest
}

// markdownItems puts what there is and what becomes of it, folded.
func markdownItems(b *strings.Builder, m migration.Move) {
	if len(m.Items) == 0 {
		return
	}
	fmt.Fprintf(b, "\n<details><summary>What there is: %s</summary>\n\n| | | seen | whose | becomes |\n|---|---|---|---|---|\n", plural(len(m.Items), "thing"))
	for i, item := range m.Items {
		if i == maxMoveItems {
			fmt.Fprintf(b, "| | and %d more | | | |\n", len(m.Items)-i)
			break
		}
		fate := string(item.Fate)
		if step := moveStep(m, item.Step); step != "" {
			fate += " (" + step + ")"
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s |\n", inline(item.Kind), inline(title(item.Subject)), inline(clip(flat(item.Seen), 120)), inline(item.Who), inline(fate))
	}
	b.WriteString("\n</details>\n")
}
