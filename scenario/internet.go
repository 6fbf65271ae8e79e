package scenario

import _ "embed"

// internet is the small internet under every world, as a scenario of its own.
//
//go:embed internet.txtar
var internet []byte
