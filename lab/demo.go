package lab

import (
	"embed"
	"io/fs"

	"github.com/maildoctor/maildoctor/scenario"
)

// worlds is the domains of the demonstration, a scenario each.
//
//go:embed demo/*.txtar
var worlds embed.FS

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
