package smtpscript

// Slow reports whether a client has to wait for this server: it is silent,
// delays, drips, or never answers the dial.
func (s *Script) Slow() bool {
	return s.silent || s.drip > 0 || len(s.delays) > 0 || s.dial == timeout
}
