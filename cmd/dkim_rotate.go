package cmd

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/maildoctor/maildoctor/keyfile"
	"github.com/maildoctor/maildoctor/rotation"
)

// rotateFlags are the flags of dkim rotate as they are given.
type rotateFlags struct {
	status, begin, switched, back, abort bool

	old, selectors, keys []string
	kind, bits, signer   *choice
	dir                  string
	retire, forget       days
	given                func(flag string) bool

	provider providerFlags
	yes      bool
	wait     span
	excused  []string
	trust    bool
	file     string
	dns      examFlags // of which only the resolvers count
	output   *output
}

func (a *app) dkimRotateCommand() *cobra.Command {
	f := rotateFlags{retire: days(rotation.DefaultRetire), forget: days(rotation.DefaultDelete)}
	cmd := &cobra.Command{
		Use:   "rotate [DOMAIN]",
		Short: "Change the key that signs, step by step",
		Long: `Rotate changes the DKIM key of a domain so that no signature fails. It is one
command for all of it: each run says where the rotation stands, does the step
that is possible, and says what comes next, and when. Run it as often as you
like; it can be left and resumed at any time.

  1. The next key is made (mode 0600; nothing is written over), and its record
     published beside the old one.
  2. Every authoritative server is asked until all answer with it.
  3. Resolvers may remember for a while that there was no such record. When
     that is over, it is safe to sign with the next key.
  4. You let the signer use it, and say so with --switched. Until you have gone
     on to 5, there is a way back: --back.
  5. The old key stays for 7 days, for mail that is on its way. Then it is
     withdrawn: its record has an empty p= (RFC 6376, 3.6.1).
  6. After 30 more days that record goes, too.

Of a key that is in wrong hands one does not wait for 5: --retire 0d.

Records are written by --provider, which maildoctor.yaml may name. Without one
rotate says what to publish, and goes on when the name servers show it.

A maildoctor.yaml with keys of the domain is heeded: rotate says which lines of
it to change, and does nothing that plan and apply would undo.

Exit codes:
  0    done what could be done now
  1    a person has to put something right first, or to agree
  2    wrong usage
  4    it could not be done: the order came too early, the name servers could
       not be asked, the provider failed
  130  interrupted`,
		Example: `  maildoctor dkim rotate example.com --old s1
  maildoctor dkim rotate example.com --provider cloudflare --wait
  maildoctor dkim rotate example.com --status
  maildoctor dkim rotate example.com --switched`,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.dkimRotate(cmd.Context(), f, args)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	f.given = flags.Changed
	flags.BoolVar(&f.status, "status", false, "only look, and say where it stands")
	flags.BoolVar(&f.switched, "switched", false, "say that the signer uses the next key now")
	flags.BoolVar(&f.back, "back", false, "say that the signer uses the old key again")
	flags.BoolVar(&f.abort, "abort", false, "give it up before the switch: the record of the next\nkey goes")
	flags.BoolVar(&f.begin, "begin", false, "begin the next rotation when the last is over")
	flags.StringSliceVar(&f.old, "old", nil, "the `selector` that signs now (repeatable), or none;\nelse those of maildoctor.yaml or the last rotation")
	flags.StringSliceVar(&f.selectors, "selector", nil, "the `selector` of the next key (repeatable);\nelse the year and a free letter: 2026b")
	f.kind = choose(cmd, "type", "the kind of the next key: rsa, ed25519 or both;\nelse that of the old one", "", keyfile.RSA, keyfile.Ed25519, "both")
	f.bits = choose(cmd, "bits", "the size of an RSA key: 2048, 3072 or\n4096", "2048", "2048", "3072", "4096")
	flags.StringSliceVar(&f.keys, "key", nil, "a `file` with the next key, which is there already:\nPEM, or the record to publish (with --selector;\nrepeatable)")
	outFlag(cmd, &f.dir)
	names := strings.Join(wrapped(strings.Join(rotation.SignerNames(), ", "), 50), "\n")
	f.signer = choose(cmd, "signer", "what signs, for the steps in its words:\n"+names, rotation.AnySigner, rotation.SignerNames()...)
	flags.Lookup("signer").DefValue, flags.Lookup("type").DefValue = "", ""
	flags.Var(&f.retire, "retire", "how long the old key stays after the switch\n(default 7d)")
	flags.Var(&f.forget, "delete", "how long the record of the withdrawn key stays\n(default 30d)")
	flags.Lookup("retire").DefValue, flags.Lookup("delete").DefValue = "", ""
	a.providerFlags(cmd, &f.provider)
	flags.BoolVarP(&f.yes, "yes", "y", false, "do not ask before records are written")
	flags.Var(&f.wait, "wait", "wait until the next step is possible; at most this\n`time`")
	flags.Lookup("wait").NoOptDefVal, flags.Lookup("wait").DefValue = defaultWait, ""
	flags.StringSliceVar(&f.excused, "except", nil, "a name `server` that is out of order, and not waited\nfor (repeatable)")
	flags.BoolVar(&f.trust, "clock-is-right", false, "the clock was wrong before and is right now: all\nwaits begin again")
	flags.StringVarP(&f.file, "file", "f", wantedFile, "the `file` that says what is wanted, not\n"+wantedFile)
	flags.Lookup("file").DefValue = "" // the help has it
	f.dns.resolverFlag(cmd)
	for _, name := range []string{"old", "selector", "except", "retire", "delete", "wait"} {
		_ = cmd.RegisterFlagCompletionFunc(name, cobra.NoFileCompletions)
	}
	f.output = a.outputFlags(cmd)
	return cmd
}

// days is a duration that may be nothing, and is given in days as a rule.
type days time.Duration

const aDay = 24 * time.Hour

func (d *days) String() string {
	if whole := time.Duration(*d); whole%aDay == 0 {
		return strconv.Itoa(int(whole/aDay)) + "d"
	}
	return spoken(time.Duration(*d))
}

func (d *days) Type() string { return "duration" }

// Set takes "7d" and what Go writes.
func (d *days) Set(s string) error {
	v, err := time.ParseDuration(s)
	if number, ok := strings.CutSuffix(s, "d"); ok {
		var n uint64
		n, err = strconv.ParseUint(number, 10, 16)
		v = time.Duration(n) * aDay
	}
	if err != nil || v < 0 || v > rotation.MostWait {
		return errors.New("give a time such as 7d or 36h, a year at most")
	}
	*d = days(v.Truncate(time.Second))
	return nil
}

var _ pflag.Value = (*days)(nil)
