package lab

import (
	"bytes"
	"embed"
	"io/fs"

	"github.com/maildoctor/maildoctor/scenario"
)

// worlds is the domains of the demonstration, a scenario each.
//
//go:embed demo/*.txtar demo/maildoctor.yaml
var worlds embed.FS

// MoveSelector is the DKIM selector of the domain of Move.
const MoveSelector = "2026a"

// Move is the scenario of a domain whose records are wrong and nothing else, and the
// maildoctor.yaml by which they are right. It wants the DKIM record given, that of
// a key made now, at MoveSelector.
func Move(dkim string) (*scenario.Scenario, []byte, error) {
	dir, err := fs.Sub(worlds, "demo")
	if err != nil {
		return nil, nil, err
	}
	s, err := scenario.Load(dir, "brewery.example.txtar")
	if err != nil {
		return nil, nil, err
	}
	wanted, err := fs.ReadFile(dir, "maildoctor.yaml")
	return s, bytes.Replace(wanted, []byte("PUBLIC-KEY"), []byte(dkim), 1), err
}

// Demo is the scenarios of the demonstration: a healthy domain, then a sick one.
func Demo() ([]*scenario.Scenario, error) {
	dir, err := fs.Sub(worlds, "demo")
	if err != nil {
		return nil, err
	}
	var list []*scenario.Scenario
	for _, name := range []string{"florist.example", "bakery.example"} {
		s, err := scenario.Load(dir, name+".txtar")
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, nil
}
