package cloudflare

import (
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/providers"
)

// Permissions of tokens, as the dashboard calls them.
const (
	zoneRead = "Zone → Zone → Read"
	dnsRead  = "Zone → DNS → Read"
	dnsEdit  = "Zone → DNS → Edit"
)

// An Error is a refusal of the API.
type Error struct {
	Status int      // of HTTP
	Errors []Detail // what the API says; empty where something before it answered
	// RetryAfter is how long to wait; 0 where nothing is said of that.
	RetryAfter time.Duration

	told   bool   // RetryAfter was said
	title  string // of a web page in place of an answer
	denied string // what to do about the permission that lacks
}

// A Detail is one error of an answer.
type Detail struct {
	Code    int      `json:"code"`
	Message string   `json:"message"`
	Chain   []Detail `json:"error_chain"` // the reasons
	Source  struct {
		Pointer string `json:"pointer"`
	} `json:"source"`
}

// Error says what the API said, and what can be done.
func (e *Error) Error() string {
	const most = 3
	var b strings.Builder
	b.WriteString("Cloudflare answers ")
	for i, d := range e.Errors {
		if i == most {
			fmt.Fprintf(&b, ", and %d more errors", len(e.Errors)-most)
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		d.write(&b, 0)
	}
	switch {
	case len(e.Errors) > 0:
		fmt.Fprintf(&b, " (HTTP %d)", e.Status)
	case e.title != "":
		fmt.Fprintf(&b, "HTTP %d with a web page: %q", e.Status, e.title)
	default:
		fmt.Fprintf(&b, "HTTP %d without a reason", e.Status)
	}
	if e.RetryAfter > 0 {
		fmt.Fprintf(&b, "; it wants %v of peace", e.RetryAfter)
	}
	if e.denied != "" {
		b.WriteString("; " + e.denied)
	}
	return b.String()
}

func (d Detail) write(b *strings.Builder, depth int) {
	fmt.Fprintf(b, "%q (%d)", d.Message, d.Code)
	if d.Source.Pointer != "" {
		fmt.Fprintf(b, " at %q", d.Source.Pointer)
	}
	if depth > 2 {
		return
	}
	for i, inner := range d.Chain {
		if i == 3 {
			break
		}
		b.WriteString(": ")
		inner.write(b, depth+1)
	}
}

// Unwrap is providers.ErrDenied where a permission lacks.
func (e *Error) Unwrap() error {
	if e.denied != "" {
		return providers.ErrDenied
	}
	return nil
}

// has reports whether the API named one of the codes.
func (e *Error) has(codes ...int) bool {
	return slices.ContainsFunc(e.Errors, func(d Detail) bool { return slices.Contains(codes, d.Code) })
}

// An unanswered call may have taken effect, or not.
type unanswered struct{ why error }

func (u *unanswered) Error() string {
	var e *Error
	if errors.As(u.why, &e) {
		return e.Error()
	}
	return "no answer of Cloudflare: " + clean(u.why.Error())
}

func (u *unanswered) Unwrap() error { return u.why }

// failure is the error that an answer tells of; nil if none.
func (c *client) failure(res *http.Response, isJSON bool, body []byte) error {
	var told struct {
		Success *bool           `json:"success"`
		Errors  []Detail        `json:"errors"`
		Result  json.RawMessage `json:"result"`
	}
	malformed := !isJSON || json.Unmarshal(body, &told) != nil
	if res.StatusCode == http.StatusOK && !malformed && told.Success != nil && *told.Success {
		if len(told.Result) == 0 || string(told.Result) == "null" { // an empty list is another thing
			return &unanswered{errors.New("its answer has no result")}
		}
		return nil
	}
	e := &Error{Status: res.StatusCode}
	if !malformed {
		e.Errors = c.cleaned(told.Errors, 0)
	}
	if malformed && !isJSON {
		e.title = c.words(title(body))
	}
	e.RetryAfter, e.told = retryAfter(res.Header)
	e.denied = denied(e, res.Request)
	if malformed && res.StatusCode < 400 {
		return &unanswered{e}
	}
	return e
}

// cleaned are details as they may be shown.
func (c *client) cleaned(list []Detail, depth int) []Detail {
	const most = 20
	if depth > 3 {
		return nil
	}
	list = list[:min(len(list), most)]
	for i, d := range list {
		list[i].Message, list[i].Source.Pointer = c.words(d.Message), c.words(d.Source.Pointer)
		list[i].Chain = c.cleaned(d.Chain, depth+1)
	}
	return list
}

// words is text of the network without the token, and not more than can be read.
func (c *client) words(s string) string {
	const most = 300
	s = strings.ReplaceAll(s, c.secret, "(the token)")
	if len(s) > most {
		s = s[:most] + "..."
	}
	return s
}

// clean is text that may hold control octets, without them.
func clean(s string) string {
	quoted := strconv.Quote(s)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}

// title is what a web page calls itself, or how it begins.
func title(page []byte) string {
	const most, mostTitle, mostText = 8 << 10, 400, 80
	text := string(page[:min(len(page), most)])
	shorten := func(s string, n int) string { return strings.Join(strings.Fields(s[:min(len(s), n)]), " ") }
	if lower := strings.ToLower(text); len(lower) == len(text) {
		if from := strings.Index(lower, "<title>"); from >= 0 {
			from += len("<title>")
			if to := strings.Index(lower[from:], "</title>"); to >= 0 {
				return html.UnescapeString(shorten(text[from:from+to], mostTitle))
			}
		}
	}
	return shorten(text, mostText)
}

// retryAfter is how long the API wants to be left alone (RFC 9110, 10.2.3).
func retryAfter(h http.Header) (time.Duration, bool) {
	value := h.Get("Retry-After")
	if n, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(n) * time.Second, true
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, time.Until(at).Round(time.Second)), true
	}
	return 0, false
}

// Codes of the API.
const (
	codeBadToken    = 1000  // of the verification of tokens
	codeBadHeaders  = 6003  // the form of the token
	codeUnknown     = 9109  // token
	codeForbidden   = 10000 // the token has not the permission
	codeNoRecord    = 81044
	codeExists      = 81057
	codeIdentical   = 81058
	codeBadZone     = 7003
	codeNoSuchRoute = 7000
)

// denied is what to do where the token is not enough; empty where it is.
func denied(e *Error, req *http.Request) string {
	switch {
	case e.has(codeBadToken, codeBadHeaders, codeUnknown):
		return "the token is not one that Cloudflare knows: is it a whole API token (not the Global API Key), and neither expired nor revoked?"
	case e.Status != http.StatusForbidden && e.Status != http.StatusUnauthorized && !e.has(codeForbidden):
		return ""
	case e.Status >= http.StatusInternalServerError || len(e.Errors) == 0:
		return ""
	}
	needs := zoneRead
	switch {
	case req != nil && req.Method != http.MethodGet:
		needs = dnsEdit
	case req != nil && strings.Contains(req.URL.Path, "/dns_records"):
		needs = dnsRead + " (to change records, " + dnsEdit + ")"
	}
	return "the token needs the permission " + needs + " for this zone; it is given in the dashboard under My Profile → API Tokens"
}
