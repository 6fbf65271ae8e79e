package host

import (
	"context"
	"fmt"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/local"
)

// What is little on a disk: of both its share and the room itself, so that the
// last tenth of a large disk is no alarm.
const (
	lowShare, lowRoom   = 30, 20 << 30
	fullShare, fullRoom = 15, 5 << 30
	fewInodes           = 10 // percent
)

// What is little memory, in percent.
const (
	lowMemory   = 20
	leastMemory = 10
)

// Resources: the host can take what comes.
var Resources = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "host.resources",
		Title:    "This host has room for mail on its disks, and memory to spare",
		Severity: diagnosis.Critical,
		Why:      "A full disk stops mail: servers answer 452 to everybody, and what is being written may be lost. Without memory the kernel kills the largest process, which as a rule is the spam filter, or the database.",
		Doc: `On the mail host itself (--local), the file systems of the spool and of the mailboxes are asked for their room, and /proc/meminfo for memory.

Less than 30 % free is a warning where that is less than 20 GiB, and less than 15 % is critical where that is less than 5 GiB: a tenth of a large disk is room for years. Few inodes are a fault like few octets, since Maildir has a file for each message; fewer than 10 % are a warning, and none are critical. Of memory, less than 10 % that is available without swapping is a warning, less than 20 % is advice; it is a moment's picture.

To make room, look what takes it (du -xh --max-depth=2 /var | sort -h): as a rule logs (journalctl --vacuum-time=7d), images of containers that are not used any more (docker image prune), a bayes database, or somebody's mailbox. Postfix refuses mail of its own accord when less than one and a half messages of the largest size fit (message_size_limit).`,
		Refs: []diagnosis.Ref{{Name: "RFC 5321, 4.2.3"}, {Name: "postconf(5), queue_minfree", URL: "https://www.postfix.org/postconf.5.html#queue_minfree"}},
	},
	Of:  checks.Hosts,
	Run: resources,
})

func resources(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	var v diagnosis.Verdict
	in, err := facts.Local.Of(ctx, env)
	if err != nil {
		return v, err
	}
	open(&v, in, local.Disks, true, "")
	open(&v, in, local.Memories, true, "")
	for _, d := range in.Disks {
		room(&v, d)
		inodes(&v, d)
	}
	if in.Memory != nil {
		memory(&v, *in.Memory)
	}
	if len(v.Seen)+len(v.Findings)+len(v.Doubts) == 0 {
		v.Skip = "neither disks nor memory are told on this host"
	}
	return v, nil
}

func room(v *diagnosis.Verdict, d local.Disk) {
	free := share(d.Free, d.Total)
	text := fmt.Sprintf("%s of %s free (%d %%)", size(d.Free), size(d.Total), free)
	f := diagnosis.Finding{
		Subject: d.Path, Message: "the disk of " + d.Path + " has " + text,
		Evidence: []diagnosis.Evidence{{Question: "room at " + d.Path, Answer: text}},
		Remedy:   diagnosis.Remedy{Steps: []string{"Make room on the disk of " + d.Path + ": look at logs, unused images of containers, and large mailboxes."}},
	}
	switch {
	case free < fullShare && d.Free < fullRoom:
		f.Severity = diagnosis.Critical
	case free < lowShare && d.Free < lowRoom:
		f.Severity = diagnosis.Warning
	default:
		saw(v, d.Path, "%s", text)
		return
	}
	v.Findings = append(v.Findings, f)
}

func inodes(v *diagnosis.Verdict, d local.Disk) {
	if d.Inodes == 0 || share(d.Unused, d.Inodes) >= fewInodes {
		return
	}
	f := diagnosis.Finding{
		Subject: d.Path, Severity: diagnosis.Warning,
		Message:  fmt.Sprintf("the disk of %s has %d of %d inodes left: no more files fit when they are gone", d.Path, d.Unused, d.Inodes),
		Evidence: []diagnosis.Evidence{{Question: "inodes at " + d.Path, Answer: fmt.Sprintf("%d of %d unused", d.Unused, d.Inodes)}},
		Remedy:   diagnosis.Remedy{Steps: []string{"Find the directories with the most files on the disk of " + d.Path + " (du --inodes -x --max-depth=3), and delete what is not needed: old sessions, caches, mail that was trashed."}},
	}
	if d.Unused == 0 {
		f.Severity = diagnosis.Critical
	}
	v.Findings = append(v.Findings, f)
}

func memory(v *diagnosis.Verdict, m local.Memory) {
	available := share(m.Available, m.Total)
	text := fmt.Sprintf("%s of %s available (%d %%), %s of swap free", size(m.Available), size(m.Total), available, size(m.FreeSwap))
	if available >= lowMemory {
		saw(v, "memory", "%s", text)
		return
	}
	f := diagnosis.Finding{
		Subject: "memory", Severity: diagnosis.Advice, Message: "memory is short: " + text,
		Evidence: []diagnosis.Evidence{{Question: "/proc/meminfo", Answer: text}},
		Remedy:   diagnosis.Remedy{Steps: []string{"See what takes it (ps aux --sort=-rss); a virus scanner takes more than a gigabyte. Take what is not needed away, or give the host more."}},
	}
	if available < leastMemory {
		f.Severity = diagnosis.Warning
	}
	v.Findings = append(v.Findings, f)
}
