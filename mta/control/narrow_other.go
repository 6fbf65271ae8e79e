//go:build !unix

package control

func narrow(uintptr) {}
