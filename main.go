// Maildoctor examines a domain's mail and prescribes what cures it.
package main

import (
	"os"

	"github.com/maildoctor/maildoctor/cmd"
)

func main() { os.Exit(cmd.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }
