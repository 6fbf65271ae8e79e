package cmd

import "github.com/maildoctor/maildoctor/checks/suite"

// wire connects the commands to the catalogue and to the world.
func (a *app) wire() {
	a.all = suite.All
	a.live = newDoctor
	a.demo = runDemo
	a.providers = providerKinds
}
