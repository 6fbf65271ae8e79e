package ledger

import (
	"errors"
	"os"
	"time"
)

// MostRuns is how many reports on a subject are kept; the oldest go.
const MostRuns = 400

const runSuffix = ".report.json"

// KeepRun keeps the report of an examination of a domain or an address, as JSON.
func (l Ledger) KeepRun(subject string, at time.Time, report []byte) error {
	if _, err := l.stamp(subject, at, runSuffix, report); err != nil {
		return err
	}
	paths, err := l.Runs(subject)
	for _, path := range paths[min(len(paths), MostRuns):] {
		err = errors.Join(err, gone(os.Remove(path)))
	}
	return err
}

// Runs are the paths of the reports on a subject, the latest first.
func (l Ledger) Runs(subject string) ([]string, error) { return l.stamped(subject, runSuffix) }

// Examined are the subjects of which there are reports.
func (l Ledger) Examined() ([]string, error) { return l.folders(runSuffix) }
