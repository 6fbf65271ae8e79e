package fake

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/maildoctor/maildoctor/record"
)

// An Error is one of those that an answer lists.
type Error struct {
	Code    int     `json:"code"`
	Message string  `json:"message"`
	Chain   []Error `json:"error_chain,omitempty"`
}

// Codes that clients go by.
const (
	codeValidation  = 1004
	codeBadToken    = 1000
	codeBadHeaders  = 6003
	codeBadFormat   = 6111
	codeNoRoute     = 7000
	codeBadObject   = 7003
	codeUnknown     = 9109
	codeBody        = 9207
	codeDenied      = 10000
	codeNoRecord    = 81044
	codeBesideCNAME = 81053
	codeExists      = 81057
	codeIdentical   = 81058

	// in the chain of codeValidation
	codeTTL      = 9021
	codeASCII    = 9051
	codeData     = 9101
	codeTagQuota = 9300
	codeOther    = 9000 // stands for the others, which nobody goes by
)

type envelope struct {
	Result   any     `json:"result"`
	Success  bool    `json:"success"`
	Errors   []Error `json:"errors"`
	Messages []Error `json:"messages"`
	Info     *info   `json:"result_info,omitempty"`
}

type info struct {
	Page       int `json:"page"`
	PerPage    int `json:"per_page"`
	Count      int `json:"count"`
	TotalCount int `json:"total_count"`
	TotalPages int `json:"total_pages"`
}

func encoded(status int, e envelope) answer {
	if e.Errors == nil {
		e.Errors = []Error{}
	}
	e.Messages = []Error{}
	body, err := json.Marshal(e)
	if err != nil {
		panic(err) // all of it was made here
	}
	return answer{status: status, header: http.Header{"Content-Type": {"application/json"}}, body: body}
}

func success(result any) answer {
	return encoded(http.StatusOK, envelope{Result: result, Success: true})
}

func failure(status int, errs ...Error) answer { return encoded(status, envelope{Errors: errs}) }

// invalid is the error of data that Cloudflare does not take.
func invalid(code int, message string) *Error {
	return &Error{Code: codeValidation, Message: "DNS Validation Error", Chain: []Error{{Code: code, Message: message}}}
}

type request struct {
	*http.Request
	body []byte
}

// answer finds who may do what, and does it. The API is locked.
func (a *API) answer(r request) answer {
	path := strings.Split(strings.Trim(strings.TrimPrefix(r.URL.Path, "/client/v4"), "/"), "/")
	secret, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok || secret == "" || strings.ContainsAny(secret, " \t") {
		return failure(http.StatusBadRequest, Error{Code: codeBadHeaders, Message: "Invalid request headers",
			Chain: []Error{{Code: codeBadFormat, Message: "Invalid format for Authorization header"}}})
	}
	var who *token
	for i := range a.tokens {
		if a.tokens[i].secret == secret {
			who = &a.tokens[i]
		}
	}
	verify := strings.Join(path, "/") == "user/tokens/verify" && r.Method == http.MethodGet
	switch {
	case who == nil && verify:
		return failure(http.StatusUnauthorized, Error{Code: codeBadToken, Message: "Invalid API Token"})
	case who == nil:
		return failure(http.StatusForbidden, Error{Code: codeUnknown, Message: "Invalid access token"})
	case verify:
		return success(map[string]string{"id": "ed17574386854bf78a67040be0a770b0", "status": "active"})
	case path[0] != "zones":
		return failure(http.StatusNotFound, Error{Code: codeNoRoute, Message: "No route for that URI"})
	case len(path) == 1 && r.Method == http.MethodGet:
		return a.listZones(r, *who)
	case len(path) == 1:
		return failure(http.StatusForbidden, Error{Code: codeDenied, Message: "Authentication error"})
	}
	if !isID(path[1]) {
		return noObject(r)
	}
	for _, z := range a.zones {
		if z.id == path[1] {
			return z.answer(r, *who, path[2:])
		}
	}
	return failure(http.StatusForbidden, Error{Code: codeDenied, Message: "Authentication error"})
}

// answer takes a call that is about the zone.
func (z *Zone) answer(r request, who token, path []string) answer {
	denied := failure(http.StatusForbidden, Error{Code: codeDenied, Message: "Authentication error"})
	may := func(p Permission) bool { return who.may&p != 0 && (who.zone == "" || who.zone == z.name) }
	get := r.Method == http.MethodGet
	switch {
	case len(path) == 0 && get && may(ZoneRead):
		return success(z.shown())
	case len(path) == 0 || path[0] != "dns_records" || len(path) > 2:
		return failure(http.StatusNotFound, Error{Code: codeNoRoute, Message: "No route for that URI"})
	case get && !may(DNSRead), !get && !may(DNSEdit):
		return denied
	case len(path) == 1 && get:
		return z.list(r)
	case len(path) == 1 && r.Method == http.MethodPost:
		return z.one(r, "")
	case len(path) == 2 && path[1] == "batch" && r.Method == http.MethodPost:
		return z.batch(r)
	case len(path) == 2 && path[1] == "export" && get:
		return z.export()
	case len(path) == 2 && !isID(path[1]):
		return noObject(r)
	case len(path) == 2:
		return z.one(r, path[1])
	}
	return failure(http.StatusMethodNotAllowed, Error{Code: codeDenied, Message: r.Method + " not supported for requested URI"})
}

func noObject(r request) answer {
	return failure(http.StatusNotFound,
		Error{Code: codeBadObject, Message: "Could not route to " + r.URL.Path + ", perhaps your object identifier is invalid?"},
		Error{Code: codeNoRoute, Message: "No route for that URI"})
}

func isID(s string) bool {
	return len(s) == 32 && strings.Trim(s, "0123456789abcdef") == ""
}

// absolute is a name of the API as everything else here has it.
func absolute(name string) string { return record.Canonical(name) }
