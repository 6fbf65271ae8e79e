// Package daemon runs the mail server of a host: it makes of the owner's file what
// package mta and its neighbours need, binds the addresses, serves until it is
// stopped, and takes over a changed file without dropping anybody.
//
// Prepare reads and checks everything that the file names, and opens nothing. Open
// binds every address before anything is served, so that a server that begins has
// all of them. It knows the host's services (systemd) only by their protocols, and
// prints nothing.
package daemon
