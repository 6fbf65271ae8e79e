package report

import (
	"io"

	"github.com/maildoctor/maildoctor/migration"
	"github.com/maildoctor/maildoctor/plan"
)

// MoveSchemaName stands in the field "schema" of a move as it was looked at.
const MoveSchemaName = "maildoctor.migration/v1"

type wireMoving struct {
	Schema    string         `json:"schema"`
	Stands    string         `json:"stands"`
	Next      string         `json:"next"`
	Open      []string       `json:"open"`
	Move      migration.Move `json:"move"`
	Conflicts []wireConflict `json:"conflicts"`
	Both      *wireRehearsal `json:"both"`
	Final     *wireRehearsal `json:"final"`
}

// MoveJSON writes a move for a machine:
// {"schema":"maildoctor.migration/v1","stands","next","open":[...],"move":{...},"conflicts":[...],"both":{...},"final":{...}}.
// The move is as its file has it (maildoctor.move/v1). "next" is the ID of the step
// that is next, "open" those of the blockers that the plan does not wait for. The
// rehearsals, null where there was none, are as those of a plan.
func MoveJSON(w io.Writer, d Moving) error {
	doc := wireMoving{
		Schema: MoveSchemaName, Stands: text(MoveState(d.Move)), Move: d.Move,
		Open: each(d.Move.Open(), func(b migration.Blocker) string { return text(b.ID) }),
		Conflicts: each(d.Conflicts, func(c plan.Conflict) wireConflict {
			return wireConflict{wireSlot{text(c.Slot.Name), text(c.Slot.Type), text(c.Slot.Tag)}, text(c.Why), each(c.From, text)}
		}),
	}
	if next := d.Move.Next(); next != nil {
		doc.Next = next.ID
	}
	if d.Both != nil {
		doc.Both = toRehearsal(*d.Both, d.Accepted)
	}
	if d.Final != nil {
		doc.Final = toRehearsal(*d.Final, d.Accepted)
	}
	return writeJSON(w, doc)
}
