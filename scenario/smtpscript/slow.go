package smtpscript

// Slow reports whether a client has to wait for this server: it is silent,
// delays, drips, never answers the dial, or lets bare line ends pass in silence.
func (s *Script) Slow() bool {
	return s.silent || s.drip > 0 || len(s.delays) > 0 || s.dial == timeout || len(s.ends) > 0
}
