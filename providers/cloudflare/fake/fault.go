package fake

import (
	"net/http"
	"strconv"
)

// A Fault is what goes wrong with one call. The zero Fault is none.
type Fault struct {
	// Meanwhile is done just before the call is: somebody else's change comes between.
	Meanwhile func()
	// Ignored tells that the call does not take effect.
	Ignored bool
	// Cut ends the connection in place of an answer, Silent never answers.
	Cut, Silent bool
	// Status, Header and Body are the answer where Status is set.
	Status int
	Header http.Header
	Body   string
}

// Fail has choose say of each call what goes wrong with it; nil ends that. It
// may be called by many goroutines at once.
func (a *API) Fail(choose func(Call) Fault) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.fault = choose
}

// RateLimited is a refusal for too many requests, with when to come again in
// seconds.
func RateLimited(after int) Fault {
	// The code of this error is documented nowhere; clients go by the status.
	f := refusing(http.StatusTooManyRequests, Error{Code: 971, Message: "Please wait and consider throttling your request speed"})
	f.Header.Set("Retry-After", strconv.Itoa(after))
	return f
}

// Broken is an error of the server. took tells that the call took effect.
func Broken(took bool) Fault {
	f := refusing(http.StatusInternalServerError, Error{Code: 10013, Message: "Internal error"})
	f.Ignored = !took
	return f
}

// Web is an error page of the proxies in front of the API. took tells that the
// call took effect.
func Web(took bool) Fault {
	return Fault{
		Ignored: !took, Status: 520, Header: http.Header{"Content-Type": {"text/html; charset=UTF-8"}},
		Body: "<!DOCTYPE html>\n<html lang=\"en-US\">\n<head>\n<title>api.cloudflare.com | 520: Web server is returning an unknown error</title>\n" +
			"</head>\n<body>\x1b[31mRay ID: 0123</body>\n</html>\n",
	}
}

// Denied is a refusal for want of permission.
func Denied() Fault {
	return refusing(http.StatusForbidden, Error{Code: codeDenied, Message: "Authentication error"})
}

// Lost loses the answer of a call that took effect; Silent as Lost, but the
// connection stays open.
func Lost(silent bool) Fault { return Fault{Cut: !silent, Silent: silent} }

// Cut ends the connection before the call takes effect; silent as in Lost.
func Cut(silent bool) Fault { return Fault{Ignored: true, Cut: !silent, Silent: silent} }

// Meanwhile has somebody else do something just before the call.
func Meanwhile(do func()) Fault { return Fault{Meanwhile: do} }

func refusing(status int, errs ...Error) Fault {
	ans := failure(status, errs...)
	return Fault{Ignored: true, Status: status, Header: ans.header, Body: string(ans.body)}
}
