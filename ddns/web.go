package ddns

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// Bounds of one question to a web server.
const (
	maxBody      = 4 << 10 // octets of an answer, which is one address
	maxHead      = 32 << 10
	maxRedirects = 3
	webTimeout   = 15 * time.Second
)

// byWeb is the address that a web server sees. It is asked over the family that is
// wanted, directly: a proxy would be told its own address.
func (d *Detector) byWeb(ctx context.Context, s Source, f Family) (netip.Addr, error) {
	ctx, cancel := context.WithTimeout(ctx, webTimeout)
	defer cancel()
	transport := &http.Transport{
		DialContext:            func(ctx context.Context, _, address string) (net.Conn, error) { return d.dialFamily(ctx, f, address) },
		TLSClientConfig:        &tls.Config{RootCAs: d.RootCAs, MinVersion: tls.VersionTLS12},
		MaxResponseHeaderBytes: maxHead,
		DisableKeepAlives:      true, // the next question may be asked from another address
		ForceAttemptHTTP2:      true,
	}
	client := &http.Client{Transport: transport, CheckRedirect: checkRedirect}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url.String(), nil)
	if err != nil {
		return netip.Addr{}, err
	}
	req.Header.Set("User-Agent", "maildoctor")
	req.Header.Set("Accept", "text/plain, application/json")
	req.Header.Set("Cache-Control", "no-cache")
	resp, err := client.Do(req)
	if err != nil {
		return netip.Addr{}, plainly(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return netip.Addr{}, fmt.Errorf("it answers with the status %d", resp.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	if err != nil {
		return netip.Addr{}, fmt.Errorf("its answer broke off: %w", plainly(err))
	}
	return parseBody(body, f)
}

// dialFamily connects to a host by one family.
func (d *Detector) dialFamily(ctx context.Context, f Family, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if strings.EqualFold(host, "localhost") { // whoever may write http may not be led elsewhere by a hosts file
		host = map[Family]string{IPv4: "127.0.0.1", IPv6: "::1"}[f]
	}
	addrs, err := d.lookup(ctx, host, f)
	if err != nil {
		return nil, err
	}
	missing := 0
	for _, a := range addrs {
		var conn net.Conn
		if conn, err = d.dial(ctx, f.network("tcp"), net.JoinHostPort(a.String(), port)); err == nil {
			if err = shared(conn); err == nil {
				return conn, nil
			}
			_ = conn.Close()
			return nil, err
		}
		if noRoute(err) {
			missing++
		}
	}
	if missing == len(addrs) {
		return nil, &noneError{fmt.Sprintf("this machine has no route to the internet by %s", f)}
	}
	return nil, err
}

// checkRedirect follows a few redirects, none of which may leave https.
func checkRedirect(req *http.Request, via []*http.Request) error {
	switch {
	case len(via) > maxRedirects:
		return fmt.Errorf("it redirects more than %d times", maxRedirects)
	case req.URL.Scheme == "http" && via[0].URL.Scheme == "http" && onLoopback(req.URL.Hostname()):
	case req.URL.Scheme != "https":
		return errors.New("it redirects to a place that is not https")
	case req.URL.User != nil:
		return errors.New("it redirects to a place with a password")
	}
	return nil
}

// plainly is an error of net/http without the method and URL, which may hold
// what the server sent.
func plainly(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	var none *noneError
	var cert *tls.CertificateVerificationError
	switch {
	case errors.As(err, &none):
		return none
	case errors.Is(err, context.DeadlineExceeded):
		return errors.New("no answer in time")
	case errors.As(err, &cert):
		return fmt.Errorf("its certificate is not in order: %q", cert.Err.Error())
	}
	if text := err.Error(); strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) {
		return fmt.Errorf("%q", text)
	}
	return err
}

// parseBody reads what a web server answers: one address as text, or a JSON
// object whose member "ip" is one.
func parseBody(body []byte, f Family) (netip.Addr, error) {
	if len(body) > maxBody {
		return netip.Addr{}, fmt.Errorf("its answer is longer than %d octets, and no address", maxBody)
	}
	text := string(bytes.TrimSpace(body))
	if strings.HasPrefix(text, "{") {
		var object struct {
			IP string `json:"ip"`
		}
		if err := json.Unmarshal(body, &object); err != nil || object.IP == "" {
			return netip.Addr{}, errors.New("its answer is JSON without an address as \"ip\"")
		}
		text = strings.TrimSpace(object.IP)
	}
	addr, err := netip.ParseAddr(text)
	switch addr = addr.Unmap(); {
	case err != nil:
		return netip.Addr{}, fmt.Errorf("its answer is no address: %q", clip(text))
	case !f.of(addr):
		return netip.Addr{}, fmt.Errorf("asked over %s it answers with %s; a proxy or a translator is on the way", f, addr.WithZone(""))
	case addr.Zone() != "":
		return netip.Addr{}, fmt.Errorf("its answer is no public address: %q", clip(text))
	}
	return addr, nil
}

// clip is the beginning of a text from the network.
func clip(text string) string {
	const most = 60
	if len(text) > most {
		return text[:most] + "..."
	}
	return text
}
