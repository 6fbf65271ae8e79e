package spam

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// An Rspamd is a worker of rspamd that scans: its normal worker or proxy, port
// 11333, or the controller, port 11334.
type Rspamd struct {
	URL      *url.URL          // of the root
	Password func() string     // the controller's; nil or empty: none is sent
	Time     time.Duration     // for one question; 0: the constant Time
	Client   http.RoundTripper // nil: one without a proxy
}

// ParseRspamd reads "http://HOST:11333" or "https://HOST".
func ParseRspamd(text string) (*Rspamd, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("%q is no URL of a worker; give one as in http://127.0.0.1:11333", text)
	}
	if u.User != nil {
		return nil, errors.New("a password does not belong into the URL; RSPAMD_PASSWORD has it")
	}
	return &Rspamd{URL: u}, nil
}

func (s *Rspamd) String() string { return "rspamd at " + s.URL.Host }

// Judge posts the message to /checkv2, with what is known of how it came. A
// redirection is not followed: the password is for this host.
func (s *Rspamd) Judge(ctx context.Context, message []byte, e Envelope) (Verdict, error) {
	if len(message) > MaxMessage {
		return Verdict{}, tooLarge(len(message))
	}
	ctx, cancel := bounded(ctx, s.Time)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL.JoinPath("checkv2").String(), bytes.NewReader(message))
	if err != nil {
		return Verdict{}, err
	}
	s.headers(request, e)
	over := s.Client
	if over == nil {
		own := &http.Transport{DisableCompression: true, DisableKeepAlives: true, MaxResponseHeaderBytes: 64 << 10}
		defer own.CloseIdleConnections()
		over = own
	}
	response, err := over.RoundTrip(request)
	if err != nil {
		return Verdict{}, late(ctx, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, MaxReply+1))
	switch {
	case err != nil:
		return Verdict{}, late(ctx, err)
	case response.StatusCode == http.StatusUnauthorized || response.StatusCode == http.StatusForbidden:
		return Verdict{}, errors.New("it wants another password: set RSPAMD_PASSWORD")
	case response.StatusCode != http.StatusOK:
		return Verdict{}, fmt.Errorf("it answers %d: %.200q", response.StatusCode, strings.TrimSpace(string(body[:min(len(body), 400)])))
	case len(body) > MaxReply:
		return Verdict{}, fmt.Errorf("its reply has more than %d octets", MaxReply)
	}
	return readCheck(body)
}

// headers are those of the rspamd protocol. What could end a header line is left
// out: it is not what came by SMTP.
func (s *Rspamd) headers(request *http.Request, e Envelope) {
	set := func(name, value string) {
		if value != "" && strings.IndexFunc(value, func(r rune) bool { return r < ' ' || r == 0x7f }) < 0 {
			request.Header.Set(name, value)
		}
	}
	request.Header.Set("Content-Type", "application/octet-stream")
	if e.Client.IsValid() {
		set("IP", e.Client.String())
	}
	set("Helo", e.HELO)
	if e.Known {
		set("From", "<"+e.MailFrom+">")
	}
	if s.Password != nil {
		set("Password", s.Password())
	}
}

// A check is the reply to /checkv2, as far as it is read.
type check struct {
	Score    *float64 `json:"score"`
	Required float64  `json:"required_score"`
	Action   string   `json:"action"`
	Error    string   `json:"error"`
	Symbols  map[string]struct {
		Score       float64  `json:"score"`
		Description string   `json:"description"`
		Options     []string `json:"options"`
	} `json:"symbols"`
}

// marks are the actions by which rspamd takes a message for spam.
var marks = map[string]bool{"reject": true, "add header": true, "rewrite subject": true}

func readCheck(body []byte) (v Verdict, err error) {
	var c check
	if err := json.Unmarshal(body, &c); err != nil {
		return v, fmt.Errorf("its reply is not that of /checkv2: %w", said(err))
	}
	switch {
	case c.Error != "":
		return v, fmt.Errorf("it answers: %.200q", c.Error)
	case c.Score == nil:
		return v, errors.New("its reply has no score")
	case !sane(*c.Score) || !sane(c.Required):
		return v, errors.New("its reply has a score that is no number of points")
	}
	v = Verdict{Score: *c.Score, Threshold: c.Required, Action: short(c.Action), Spam: marks[c.Action]}
	for name, symbol := range c.Symbols {
		if !sane(symbol.Score) {
			continue
		}
		text := symbol.Description
		if len(symbol.Options) > 0 {
			text += " [" + strings.Join(symbol.Options[:min(len(symbol.Options), 10)], ", ") + "]"
		}
		v.Rules = append(v.Rules, Rule{Name: short(name), Points: symbol.Score, Told: true, Text: short(text)})
	}
	v.Rules = sorted(v.Rules)
	return v, nil
}

// said is an error of the decoder, which may quote the reply, quoted.
func said(err error) error { return fmt.Errorf("%.200q", err.Error()) }
