// Package report renders a diagnosis: as text for a person, as JSON for a
// machine and for every other format. Its functions are pure: a report and
// options in, octets out. They look nothing up, read no clock and know no check.
//
// All that a report holds may come from the network. Text escapes it (Escape)
// before a terminal sees it; JSON escapes what a terminal would act on.
//
// It does not judge reports: exit codes are the command's matter.
package report
