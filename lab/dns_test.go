package lab

import (
	"net"
	"testing"
)

// TestPair: ports whose UDP side is taken do not keep a lab from starting.
func TestPair(t *testing.T) {
	for range 200 { // sockets of others, on ports of the same range
		taken, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer taken.Close()
	}
	for range 200 {
		tcp, udp, err := pair()
		if err != nil {
			t.Fatal(err)
		}
		defer tcp.Close()
		defer udp.Close()
		if tcp.Addr().String() != udp.LocalAddr().String() {
			t.Fatalf("TCP on %v, UDP on %v", tcp.Addr(), udp.LocalAddr())
		}
	}
}
