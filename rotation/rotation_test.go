package rotation

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/record"
)

// Keys of Ed25519, told apart by their first octet.
func key(selector string, n byte) Key {
	const rest = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
	return Key{Selector: selector, Record: "v=DKIM1; k=ed25519; p=" + string([]byte{n}) + rest, TTL: 600}
}

var (
	t0     = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	oldKey = key("s1", 'A')
	newKey = key("s2", 'B')
	other  = key("s2", 'C')
)

const domain = "example.org."

func begun(t testing.TB) State {
	t.Helper()
	s, err := New(domain, []Key{oldKey}, []Key{newKey}, Waits{DefaultRetire, DefaultDelete}, t0)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// has is a view with a key, a text or nothing.
func has(texts ...string) View { return View{Texts: texts, TTL: 600} }

// server is one that has views of s1 and s2; nil is one that does not answer.
func server(n int, views map[string]View) Server {
	s := Server{Name: fmt.Sprintf("ns%d.example.net.", n), Addr: fmt.Sprintf("192.0.2.%d", n), Negative: 1800, Told: true, Views: views}
	if views == nil {
		s.Told = false
		s.Views = map[string]View{"s1": {Err: "timed out"}, "s2": {Err: "timed out"}}
	}
	return s
}

func both(s1, s2 View) map[string]View { return map[string]View{"s1": s1, "s2": s2} }

// look is what servers say.
func look(views ...map[string]View) Observation {
	var o Observation
	for i, v := range views {
		o.Servers = append(o.Servers, server(i+1, v))
	}
	return o
}

var (
	before  = both(has(oldKey.Record), has())
	during  = both(has(oldKey.Record), has(newKey.Record))
	revoked = both(has(withdrawn), has(newKey.Record))
	done    = both(has(), has(newKey.Record))
	taken   = both(has(oldKey.Record), has(other.Record))
)

// wishes are those of a step, short.
func wishes(list []plan.Wish) string {
	var out []string
	for _, w := range list {
		what := "-"
		if len(w.Edit.Want) > 0 {
			what = w.Edit.Want[0].Data
		}
		out = append(out, strings.TrimSuffix(w.Edit.Slot.Name, "._domainkey.example.org.")+" "+what)
	}
	return strings.Join(out, ", ")
}

func TestWholeCycle(t *testing.T) {
	s := begun(t)
	step := func(o Observation, at time.Time, phase Phase, await Await, want string) Step {
		t.Helper()
		got := Next(s, o, at)
		if got.State.Phase != phase || got.Await != await || wishes(got.Wishes) != want {
			t.Fatalf("at %v: %s, %s, %q; want %s, %s, %q (%v)", at.Sub(t0), got.State.Phase, got.Await, wishes(got.Wishes), phase, await, want, got.Held)
		}
		if again := Next(got.State, o, at); again.State.Phase != phase || wishes(again.Wishes) != want {
			t.Fatalf("the same again is %s %q", again.State.Phase, wishes(again.Wishes))
		}
		s = got.State
		return got
	}
	publish := "s2 " + newKey.Record
	got := step(look(before, before), t0, Prepared, Carry, publish)
	if got.Wishes[0].Edit.Want[0].TTL != 600 || got.Wishes[0].From != "dkim rotate" || got.Wishes[0].Reason == "" {
		t.Errorf("the wish is %+v", got.Wishes[0])
	}
	s = got.After
	got = step(look(during, before), t0.Add(time.Minute), Published, Servers, publish)
	if len(got.Laggards) != 1 || got.Laggards[0].String() != "ns2.example.net (192.0.2.2), s2: has no record there" {
		t.Errorf("laggards %v", got.Laggards)
	}
	got = step(look(during, during), t0.Add(2*time.Minute), Seen, Time, "")
	if want := t0.Add(32 * time.Minute); got.When != want || s.SafeFrom() != want {
		t.Errorf("safe from %v, want %v", got.When, want)
	}
	if _, err := s.Switch(look(during, during), t0.Add(31*time.Minute)); !early(err, t0.Add(32*time.Minute)) {
		t.Errorf("to switch too early: %v", err)
	}
	step(look(during, during), t0.Add(32*time.Minute), Ripe, Told, "")
	var err error
	if s, err = s.Switch(look(during, during), t0.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if again, err := s.Switch(look(during, during), t0.Add(2*time.Hour)); err != nil || again.Switched != s.Switched {
		t.Errorf("to say it twice: %v, %v", again.Switched, err)
	}
	if _, err := s.Abort(t0.Add(time.Hour)); err == nil || !strings.Contains(err.Error(), "--back") {
		t.Errorf("to give up what signs: %v", err)
	}
	until := t0.Add(time.Hour + 7*day)
	if got = step(look(during, during), until.Add(-time.Second), Retiring, Time, ""); got.When != until {
		t.Errorf("the old key is withdrawn from %v", got.When)
	}
	got = step(look(during, during), until, Retiring, Carry, "s1 v=DKIM1; p=")
	if got.Wishes[0].Edit.Want[0].TTL != 0 {
		t.Error("the TTL of the old record is not left")
	}
	if _, err := s.GoBack(look(during, during), until); err == nil {
		t.Error("there is a way back from a withdrawal that has begun")
	}
	s = got.After
	step(look(revoked, during), until.Add(time.Minute), Revoked, Servers, "s1 v=DKIM1; p=")
	if got = step(look(revoked, revoked), until.Add(2*time.Minute), Revoked, Time, ""); got.When != until.Add(30*day) {
		t.Errorf("the record goes from %v", got.When)
	}
	got = step(look(revoked, revoked), until.Add(30*day), Revoked, Carry, "s1 -")
	s = got.After
	step(look(revoked, done), until.Add(31*day), Deleted, Nothing, "")
	if !s.Over() || Selectors(s.Current()) != "s2" {
		t.Errorf("%+v", s)
	}
}

func early(err error, when time.Time) bool {
	var e *EarlyError
	return errors.As(err, &e) && e.When.Equal(when)
}

// Without a provider nobody says that records were published: the servers do.
func TestByHand(t *testing.T) {
	s := begun(t)
	at := t0
	next := func(o Observation, after time.Duration) State {
		at = at.Add(after)
		s = Next(s, o, at).State
		return s
	}
	if next(look(before), 0).Phase != Prepared || next(look(during), time.Hour).Phase != Seen || s.Published != at {
		t.Fatalf("%+v", s)
	}
	next(look(during), time.Hour)
	s, err := s.Switch(look(during), at)
	if err != nil {
		t.Fatal(err)
	}
	if next(look(revoked), 6*day).Phase != Retiring { // too early, by somebody
		t.Errorf("%s", s.Phase)
	}
	if next(look(revoked), 2*day).Phase != Revoked || s.Revoked != at {
		t.Errorf("%s", s.Phase)
	}
	if next(look(done), day).Phase != Deleted {
		t.Errorf("%s", s.Phase)
	}
}

func TestSteps(t *testing.T) {
	published := begun(t)
	published.Phase, published.Published = Published, t0
	seen := published
	seen.Phase, seen.Seen, seen.Remembered = Seen, t0, 30*time.Minute
	ripe := seen
	ripe.Phase = Ripe
	retiring := ripe
	retiring.Phase, retiring.Switched = Retiring, t0
	gone := retiring
	gone.Phase, gone.Ordered, gone.Revoked = Revoked, t0, t0
	aborting := ripe
	aborting.Phase, aborting.Seen = Aborting, time.Time{}
	excused := look(during, before)
	excused.Servers[1].Excused = true
	twice := look(during, nil)
	twice.Servers[1].Name = twice.Servers[0].Name
	two := aborting
	two.Next = []Key{newKey, key("s3", 'D')}
	carried := look(before)
	carried.Carried = true
	alone := published
	alone.Old = nil
	first := retiring
	first.Old = nil
	tests := map[string]struct {
		s      State
		o      Observation
		after  time.Duration
		phase  Phase
		await  Await
		wishes string
		says   string // in what is held or noted
	}{
		"nothing could be asked":      {published, Observation{Unknown: "no network"}, 0, Published, Servers, "", "could not be asked: no network"},
		"no servers":                  {published, Observation{}, 0, Published, Servers, "", ""},
		"a silent server is not one":  {published, look(during, nil), 0, Published, Servers, "", ""},
		"another address of it is":    {published, twice, 0, Seen, Time, "", ""},
		"an excused server":           {published, excused, 0, Seen, Time, "", ""},
		"already everywhere":          {begun(t), look(during), 0, Seen, Time, "", ""},
		"taken":                       {begun(t), look(taken), 0, Prepared, Person, "", "the selector is taken"},
		"taken by an alias":           {begun(t), look(both(has(oldKey.Record), View{Alias: "key.example.net."})), 0, Prepared, Person, "", "has a CNAME to key.example.net there"},
		"a withdrawn record is free":  {begun(t), look(both(has(oldKey.Record), has(withdrawn))), 0, Prepared, Carry, "s2 " + newKey.Record, ""},
		"a wildcard is none":          {begun(t), look(both(has(oldKey.Record), has("v=spf1 -all"))), 0, Prepared, Carry, "s2 " + newKey.Record, ""},
		"two records":                 {published, look(both(has(oldKey.Record), has(newKey.Record, "v=spf1 -all"))), 0, Published, Person, "", "there are 2 TXT records"},
		"the old key is missing":      {published, look(done), 0, Seen, Time, "", "the old key is needed still, and is not as it was: ns1.example.net (192.0.2.1), s1: has no record there"},
		"no old key":                  {alone, look(during), 0, Seen, Time, "", ""},
		"lost again":                  {ripe, look(during, before), time.Hour, Published, Servers, "s2 " + newKey.Record, ""},
		"silent is not lost":          {seen, look(nil, nil), time.Hour, Ripe, Told, "", ""},
		"negative TTL grew":           {ripe, withNegative(look(during), 7200), time.Hour, Seen, Time, "", ""},
		"the new key is lost":         {retiring, look(before), 8 * day, Retiring, Servers, "s2 " + newKey.Record, "mail that is signed now fails"},
		"not told, not withdrawn":     {retiring, look(during, nil), 8 * day, Retiring, Servers, "", "as long as it cannot be told"},
		"nothing told, not withdrawn": {retiring, Observation{Unknown: "no network"}, 8 * day, Retiring, Servers, "", "no network"},
		"withdrawn by hand":           {retiring, look(revoked), 8 * day, Revoked, Time, "", ""},
		"removed by hand":             {retiring, look(done), 8 * day, Deleted, Nothing, "", ""},
		"removed too early":           {retiring, look(done), day, Retiring, Time, "", "the old key is needed still"},
		"the first key":               {first, look(during), 0, Deleted, Nothing, "", ""},
		"came back":                   {gone, look(during), day, Revoked, Servers, "s1 v=DKIM1; p=", ""},
		"aborting":                    {aborting, look(during), 0, Aborting, Carry, "s2 -", ""},
		"aborted":                     {aborting, look(before), 0, Aborted, Nothing, "", ""},
		"aborting what is on its way": {aborting, carried, 0, Aborting, Carry, "s2 -", ""},
		"aborting what is ours alone": {two, look(taken), 0, Aborting, Carry, "s3 -", "It is not ours"},
		"aborting what is not ours":   {aborting, look(taken), 0, Aborted, Nothing, "", "It is not ours"},
		"the clock was never set":     {published, look(during), -60 * 365 * day, Published, Person, "", "was never set"},
		"the clock went back":         {published, look(during), -time.Hour, Published, Person, "", "--clock-is-right"},
		"the clock went back a bit":   {published, look(during), -time.Minute, Seen, Time, "", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := Next(tt.s, tt.o, t0.Add(tt.after))
			if got.State.Phase != tt.phase || got.Await != tt.await || wishes(got.Wishes) != tt.wishes {
				t.Errorf("%s, %s, %q; want %s, %s, %q", got.State.Phase, got.Await, wishes(got.Wishes), tt.phase, tt.await, tt.wishes)
			}
			said := strings.Join(slices.Concat(got.Held, got.Notes), "\n")
			if !strings.Contains(said, tt.says) || tt.says == "" && said != "" {
				t.Errorf("says %q, want %q", said, tt.says)
			}
			if err := got.State.sound(); err != nil {
				t.Errorf("the state is not sound: %v", err)
			}
			if err := got.After.sound(); err != nil {
				t.Errorf("the state after is not sound: %v", err)
			}
		})
	}
}

func withNegative(o Observation, seconds uint32) Observation {
	for i := range o.Servers {
		o.Servers[i].Negative = seconds
	}
	return o
}

// What resolvers may remember: the longest that any server ever told.
func TestRemembered(t *testing.T) {
	untold := look(before)
	untold.Servers[0].Told = false
	former := both(has(oldKey.Record), View{Texts: []string{withdrawn}, TTL: 86400})
	for name, tt := range map[string]struct {
		looks []Observation
		want  time.Duration
	}{
		"the highest of all": {[]Observation{withNegative(look(before), 60), withNegative(look(before), 3600), withNegative(look(during), 60)}, time.Hour},
		"no server told":     {[]Observation{untold}, 3 * time.Hour},
		"nobody was heard":   {[]Observation{look(nil), {}}, 0},
		"none at all":        {[]Observation{withNegative(look(before), 0)}, 0},
		"a former record":    {[]Observation{look(former), look(during)}, day},
		"no resolver does":   {[]Observation{withNegative(look(before), 1<<31)}, 7 * day},
	} {
		s := begun(t)
		for i, o := range tt.looks {
			s = Next(s, o, t0.Add(time.Duration(i)*time.Minute)).State
		}
		if s.Remembered != tt.want {
			t.Errorf("%s: %v, want %v", name, s.Remembered, tt.want)
		}
	}
	s := begun(t)
	long := both(View{Texts: []string{oldKey.Record}, TTL: 4 * 86400}, has())
	s = Next(s, look(long), t0).State
	s.Waits.Delete, s.Revoked = 0, t0
	if s.OldTTL != 4*day || s.DeleteFrom() != t0.Add(4*day) {
		t.Errorf("the old record is known for %v", s.OldTTL)
	}
}

func TestBackAndAbort(t *testing.T) {
	s := begun(t)
	both := look(during)
	s = Next(s, both, t0).State
	s = Next(s, both, t0.Add(time.Hour)).State
	if _, err := s.GoBack(both, t0.Add(time.Hour)); err == nil || !strings.Contains(err.Error(), "nothing to go back from") {
		t.Errorf("back before the switch: %v", err)
	}
	s, err := s.Switch(both, t0.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]Observation{"gone": look(done), "silent": look(nil), "unknown": {Unknown: "no network"}} {
		if _, err := s.GoBack(o, t0.Add(2*time.Hour)); err == nil {
			t.Errorf("%s: the old key is gone back to though it may not be there", name)
		}
	}
	if s, err = s.GoBack(both, t0.Add(2*time.Hour)); err != nil || s.Phase != Ripe || Selectors(s.Current()) != "s1" {
		t.Fatalf("%s, %v", s.Phase, err)
	}
	if again, err := s.GoBack(both, t0.Add(3*time.Hour)); err != nil || again.Back != s.Back {
		t.Errorf("to say it twice: %v", err)
	}
	if _, err := s.Abort(t0.Add(3 * time.Hour)); !early(err, t0.Add(2*time.Hour+7*day)) {
		t.Errorf("mail signed with it is on its way: %v", err)
	}
	later, err := s.Switch(both, t0.Add(4*time.Hour))
	if err != nil || later.RevokeFrom() != t0.Add(4*time.Hour+7*day) {
		t.Errorf("to switch again: %v", err)
	}
	if s, err = s.Abort(t0.Add(8 * day)); err != nil || s.Phase != Aborting {
		t.Fatalf("%s, %v", s.Phase, err)
	}
	if _, err := s.Switch(both, t0.Add(8*day)); err == nil || !strings.Contains(err.Error(), "given up") {
		t.Errorf("to switch to what was given up: %v", err)
	}
	step := Next(s, both, t0.Add(8*day))
	if again, err := step.After.Abort(t0.Add(9 * day)); err != nil || again.Phase != Aborted {
		t.Errorf("to say it twice: %s, %v", again.Phase, err)
	}
	if _, err := begun(t).Switch(look(before), t0); !early(err, time.Time{}) {
		t.Errorf("to switch to what is not there: %v", err)
	}
}

func TestRestarted(t *testing.T) {
	s := begun(t)
	s = Next(s, look(during), t0.Add(100*day)).State // by a wrong clock
	if got := Next(s, look(during), t0); got.Await != Person {
		t.Fatalf("%+v", got)
	}
	for name, order := range map[string]func() error{
		"switch": func() error { _, err := s.Switch(look(during), t0); return err },
		"back":   func() error { _, err := s.GoBack(look(during), t0); return err },
		"abort":  func() error { _, err := s.Abort(t0); return err },
	} {
		if err := order(); err == nil || !strings.Contains(err.Error(), "clock") {
			t.Errorf("%s by a wrong clock: %v", name, err)
		}
	}
	s, err := s.Restarted(t0.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	if got := Next(s, look(during), t0.Add(time.Minute)); got.State.Phase != Seen || got.When != t0.Add(31*time.Minute) {
		t.Errorf("%s until %v", got.State.Phase, got.When)
	}
	if _, err := s.Restarted(time.Unix(0, 0)); err == nil {
		t.Error("a clock that was never set is right")
	}
}

// What the owner's file says must not be undone, and must not undo.
func TestFile(t *testing.T) {
	published := begun(t)
	published.Phase, published.Published = Published, t0
	retiring := published
	retiring.Phase, retiring.Seen, retiring.Switched = Retiring, t0, t0
	gone := retiring
	gone.Phase, gone.Ordered, gone.Revoked = Revoked, t0, t0
	over := gone
	over.Phase, over.Ended = Deleted, t0
	aborting := published
	aborting.Phase = Aborting
	s1, s2 := Entry{Selector: "s1", Record: oldKey.Record}, Entry{Selector: "S2", Record: newKey.Record}
	out := Entry{Selector: "s1", Revoked: true}
	for name, tt := range map[string]struct {
		s     State
		o     Observation
		after time.Duration
		file  []Entry
		held  bool
		lines string
		notes int
	}{
		"add the next":       {published, look(during), 0, []Entry{s1}, false, "add s2", 0},
		"nothing to change":  {published, look(during), 0, []Entry{s1, s2}, false, "", 0},
		"another key":        {published, look(before), 0, []Entry{s1, {Selector: "s2", Record: other.Record}}, true, "add s2", 0},
		"withdrawn too soon": {published, look(during), 0, []Entry{out, s2}, false, "", 1},
		"it would come back": {retiring, look(during), 7 * day, []Entry{s1, s2}, true, "revoke s1", 0},
		"not due":            {retiring, look(during), day, []Entry{s1, s2}, false, "", 0},
		"withdrawn there":    {retiring, look(during), 7 * day, []Entry{out, s2}, false, "", 0},
		"not there":          {retiring, look(during), 7 * day, []Entry{s2}, false, "", 0},
		"not gone there":     {gone, look(revoked), 30 * day, []Entry{out, s2}, true, "remove s1", 0},
		"gone there":         {gone, look(revoked), 30 * day, []Entry{s2}, false, "", 0},
		"live there":         {gone, look(revoked), day, []Entry{s1, s2}, true, "revoke s1", 0},
		"left over":          {over, look(done), day, []Entry{out, s2}, false, "remove s1", 0},
		"given up":           {aborting, look(during), 0, []Entry{s1, s2}, true, "remove s2", 0},
		"given up there":     {aborting, look(during), 0, []Entry{s1}, false, "", 0},
	} {
		tt.o.File = &File{Name: "maildoctor.yaml", Keys: tt.file}
		got := Next(tt.s, tt.o, t0.Add(tt.after))
		var lines []string
		for _, l := range got.Lines {
			lines = append(lines, string(l.Kind)+" "+l.Selector)
		}
		if (len(got.Held) > 0) != tt.held || strings.Join(lines, ", ") != tt.lines || len(got.Notes) != tt.notes {
			t.Errorf("%s: held %q, lines %q, notes %q", name, got.Held, lines, got.Notes)
		}
		if tt.held && (len(got.Wishes) > 0 || got.Await != Person) {
			t.Errorf("%s: it is held, and goes on: %s, %v", name, got.Await, got.Wishes)
		}
	}
}

func TestNew(t *testing.T) {
	long := strings.Repeat("a", 60)
	waits := Waits{DefaultRetire, DefaultDelete}
	for name, tt := range map[string]struct {
		domain    string
		old, next []Key
		waits     Waits
		at        time.Time
		want      string
	}{
		"a selector twice": {domain, []Key{oldKey}, []Key{key("s1", 'B')}, waits, t0, "there twice"},
		"nothing next":     {domain, []Key{oldKey}, nil, waits, t0, "1 to 8 keys"},
		"no domain":        {"..", nil, []Key{newKey}, waits, t0, "is no domain"},
		"no selector":      {domain, nil, []Key{key("../s", 'B')}, waits, t0, "is no selector"},
		"upper case":       {domain, nil, []Key{key("S2", 'B')}, waits, t0, "is no selector"},
		"no key":           {domain, nil, []Key{{Selector: "s2", Record: withdrawn}}, waits, t0, "holds no key"},
		"too long":         {domain, nil, []Key{key(strings.Join([]string{long, long, long, long}, "."), 'B')}, waits, t0, "longer than a name"},
		"a wait":           {domain, nil, []Key{newKey}, Waits{-1, 0}, t0, "a wait of"},
		"no clock":         {domain, nil, []Key{newKey}, waits, time.Unix(1e6, 0), "never set"},
	} {
		if _, err := New(tt.domain, tt.old, tt.next, tt.waits, tt.at); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestObservedKey(t *testing.T) {
	for name, tt := range map[string]struct {
		o    Observation
		want string // in the error; empty for none
	}{
		"the same":      {look(before, nil, before), ""},
		"not the same":  {look(before, both(has(other.Record), has())), "do not have the same key"},
		"missing":       {look(before, both(has(), has())), "has no record at s1"},
		"an alias":      {look(both(View{Alias: "x.example.net."}, has())), "is an alias to x.example.net"},
		"several":       {look(both(has(oldKey.Record, other.Record), has())), "2 TXT records"},
		"withdrawn":     {look(both(has(withdrawn), has())), "no key at s1 that can be read: revoked"},
		"nobody says":   {look(nil), "no server could be asked"},
		"nobody at all": {Observation{Unknown: "no network"}, "no network"},
	} {
		k, err := tt.o.Key("s1")
		switch {
		case tt.want == "" && (err != nil || k != Key{Selector: "s1", Record: oldKey.Record, TTL: 600}):
			t.Errorf("%s: %+v, %v", name, k, err)
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestReadAndWrite(t *testing.T) {
	s := begun(t)
	s.Next = append(s.Next, key("s3", 'D'))
	s.Next[0].File = "dkim/bücher \x1b[31m.key"
	s.Phase, s.Published, s.Seen, s.Remembered = Ripe, t0, t0.Add(time.Second), time.Hour
	var b bytes.Buffer
	if err := s.Write(&b); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	if strings.ContainsFunc(text, func(r rune) bool { return r > '~' || r < ' ' && r != '\n' }) {
		t.Errorf("not printable: %q", text)
	}
	read, err := Read(&b)
	if err != nil || fmt.Sprint(read) != fmt.Sprint(s) {
		t.Errorf("%v\n%+v\n%+v", err, read, s)
	}
	for what, with := range map[string]string{
		`"phase": "ripe"`:   `"phase": "retiring"`, // was never switched
		`"phase": "ripe" `:  ``,
		`rotation/v1"`:      `rotation/v2"`,
		`"s3"`:              `"s2"`,
		`"retire": 604800`:  `"retire": 99999999999`,
		`"delete": 2592000`: `"delete": -1`,
		`2026-11-22`:        `1970-01-01`,
		`p=D`:               `p=!`,
	} {
		if broken := strings.ReplaceAll(text, what, with); broken != text {
			if _, err := Read(strings.NewReader(broken)); err == nil {
				t.Errorf("%s for %s was read", with, what)
			}
		}
	}
	if _, err := Read(strings.NewReader(strings.Repeat(" ", maxFile+1))); err == nil {
		t.Error("a file without end was read")
	}
}

func FuzzRead(f *testing.F) {
	var b bytes.Buffer
	if err := begun(f).Write(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte(`{"schema": "maildoctor.rotation/v1", "domain": "example.org", "phase": "aborted"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := Read(bytes.NewReader(text))
		if err != nil {
			return
		}
		var b bytes.Buffer
		if err := s.Write(&b); err != nil {
			t.Fatal(err)
		}
		again, err := Read(&b)
		if err != nil || fmt.Sprint(again) != fmt.Sprint(s) {
			t.Fatalf("%v\n%+v\n%+v", err, s, again)
		}
		step := Next(s, look(during, nil), s.Looked.Add(time.Hour))
		if err := step.After.sound(); err != nil {
			t.Fatalf("%v\n%+v", err, step.After)
		}
		for _, w := range step.Wishes {
			if !record.Within(w.Edit.Slot.Name, "_domainkey."+s.Domain) {
				t.Fatalf("a wish for %s", w.Edit.Slot.Name)
			}
		}
	})
}

func TestSigners(t *testing.T) {
	keys := []Key{{Selector: "2026b", Record: newKey.Record, File: "dkim/example.org.2026b.key"}, {Selector: "2026c", Record: other.Record}}
	for _, s := range Signers() {
		for n := 1; n <= 2; n++ {
			steps := s.Steps(domain, keys[:n])
			text := strings.Join(steps, "\n")
			if len(steps) == 0 || !strings.Contains(text, "2026b") || strings.Contains(text, "%!") {
				t.Errorf("%s: %q", s.Name, steps)
			}
			if n == 2 && !strings.Contains(text, "2026c") {
				t.Errorf("%s says nothing of the second key: %q", s.Name, steps)
			}
		}
	}
	if _, ok := FindSigner("sendmail"); ok {
		t.Error("a signer that is not known was found")
	}
	s, ok := FindSigner("opendkim")
	if want := "2026b._domainkey.example.org example.org:2026b:/etc/opendkim/keys/example.org/2026b.private\n*@example.org 2026b._domainkey.example.org"; !ok || !strings.Contains(s.Steps(domain, keys[:1])[0], want) {
		t.Errorf("%q", s.Steps(domain, keys[:1]))
	}
	if len(SignerNames()) != len(Signers()) {
		t.Error("names")
	}
}
