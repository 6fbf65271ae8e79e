package local

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"path"
	"strings"
	"time"
)

// maxMessages bounds the messages of a queue that are counted.
const maxMessages = 10_000

func (r *reader) queue(q Queue) { r.host.Queues = append(r.host.Queues, q) }

// postqueue asks Postfix for its queue; where it cannot be asked, the files in
// the spool are counted.
func (r *reader) postqueue(dir string) {
	if r.sys.Run == nil {
		r.spool("Postfix", dir)
		return
	}
	out, err := r.sys.Run.Run(r.ctx, "postqueue", "-j")
	switch {
	case errors.Is(err, fs.ErrNotExist):
		r.spool("Postfix", dir)
		return
	case err != nil && !errors.Is(err, errLong):
		before := len(r.host.Queues)
		if r.spool("Postfix", dir); len(r.host.Queues) == before {
			r.doubt(Queues, "postqueue -j: %v", err)
		}
		return
	}
	q := Queue{Source: "Postfix", AtLeast: err != nil}
	for line := range strings.Lines(string(out)) {
		var message struct {
			Arrival int64 `json:"arrival_time"` // seconds since 1970
		}
		if json.Unmarshal([]byte(line), &message) != nil {
			continue // the last one may be cut
		}
		if q.Count == maxMessages {
			q.AtLeast = true
			break
		}
		q.Count++
		q.wait(r.since(time.Unix(message.Arrival, 0)))
	}
	r.queue(q)
}

// since is how long ago t was.
func (r *reader) since(t time.Time) time.Duration {
	if r.sys.Now == nil {
		return 0
	}
	return r.sys.Now().Sub(t)
}

func (q *Queue) wait(d time.Duration) { q.Oldest = max(q.Oldest, d.Truncate(time.Minute)) }

// eximQueue asks Exim for its queue: a line of age, size and message ID for each
// message, then its recipients.
func (r *reader) eximQueue(program string) {
	out, ok := r.run(Queues, program, "-bpr")
	if !ok {
		return
	}
	q := Queue{Source: "Exim"}
	for line := range strings.Lines(out) {
		fields := strings.Fields(line)
		if len(fields) < 3 || strings.Count(fields[2], "-") != 2 {
			continue
		}
		age, ok := eximAge(fields[0])
		if !ok {
			continue
		}
		if q.Count == maxMessages {
			q.AtLeast = true
			break
		}
		q.Count++
		q.wait(age)
	}
	r.queue(q)
}

// eximAge reads "25m", "3h" or "2d".
func eximAge(text string) (time.Duration, bool) {
	unit := map[byte]time.Duration{'m': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour}
	n, digits := 0, strings.TrimRight(text, "mhdw")
	if len(digits) != len(text)-1 || len(digits) == 0 || len(digits) > 5 {
		return 0, false
	}
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int(c-'0')
	}
	return time.Duration(n) * unit[text[len(text)-1]], true
}

// spool counts the messages in a queue directory of Postfix. How old they are
// it does not tell: the time of a deferred one is that of its next try.
func (r *reader) spool(source, dir string) {
	q := Queue{Source: source}
	read := false
	for _, sub := range []string{"incoming", "active", "deferred"} {
		n, err := r.count(path.Join(dir, sub), 2, maxMessages-q.Count)
		switch {
		case errors.Is(err, fs.ErrPermission):
			r.doubt(Queues, "run as root to count the queue in %s", dir)
			return
		case err == nil:
			read = true
		case !errors.Is(err, fs.ErrNotExist):
			r.unread(Queues, path.Join(dir, sub), err)
		}
		if q.Count += n; q.Count >= maxMessages {
			q.AtLeast = true
			break
		}
	}
	switch {
	case read:
		r.queue(q)
	case !r.exists(dir):
		r.doubt(Queues, "the queue of %s is not at %s", source, dir)
	}
}

// count counts the regular files below a directory, no more than most.
func (r *reader) count(dir string, depth, most int) (n int, err error) {
	if r.sys.Files == nil {
		return 0, fs.ErrNotExist
	}
	f, err := r.sys.Files.Open(at(dir))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	list, ok := f.(fs.ReadDirFile)
	if !ok {
		return 0, errNoFile
	}
	for n < most {
		if err := r.ctx.Err(); err != nil {
			return n, err
		}
		entries, err := list.ReadDir(maxEntries)
		for _, e := range entries {
			switch {
			case e.Type().IsRegular():
				n++
			case e.IsDir() && depth > 1 && n < most:
				below, err := r.count(path.Join(dir, e.Name()), depth-1, most-n)
				if err != nil {
					return n, err
				}
				n += below
			}
		}
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
	return n, nil
}
