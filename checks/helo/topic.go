// Package helo holds mail hosts to the name that they give themselves when they
// speak. That the name and the reverse DNS agree is the matter of package ptr.
package helo

import "github.com/maildoctor/maildoctor/checks"

// Checks is the checks of this topic.
var Checks checks.Topic
