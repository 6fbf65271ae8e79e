package daemon

import (
	"context"
	"errors"
	"hash/maphash"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/maildoctor/maildoctor/mta/smtpd"
	"github.com/maildoctor/maildoctor/record"
)

var errNoHash = errors.New("is no hash of a password that can be read")

// A user may submit mail.
type user struct {
	name    string
	secret  verifier
	senders []string  // addresses and "@domain", in lower case, domains in A-labels
	since   time.Time // when the file with the password was written; zero: there is none
}

// users are those who may submit mail. They can be replaced. It is the server's
// [smtpd.Authenticator].
type users struct {
	list  atomic.Pointer[[]user] // sorted by name
	seed  maphash.Seed
	slots chan struct{} // hashing is work, and needs memory
}

func newUsers() *users {
	u := &users{seed: maphash.MakeSeed(), slots: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)))}
	u.list.Store(new([]user))
	return u
}

func (u *users) find(name string) (user, bool) {
	list := *u.list.Load()
	i, found := slices.BinarySearchFunc(list, name, func(u user, name string) int { return strings.Compare(u.name, name) })
	if !found {
		return user{}, false
	}
	return list[i], true
}

// Authenticate implements [smtpd.Authenticator]. A user who does not exist costs as
// much as some user who does, and always the same one, so that nobody finds out by
// the time it takes who there is.
func (u *users) Authenticate(ctx context.Context, name, password string) error {
	one, known := u.find(name)
	if list := *u.list.Load(); !known && len(list) > 0 {
		one = list[maphash.String(u.seed, name)%uint64(len(list))]
	}
	if one.secret == nil {
		return smtpd.ErrCredentials
	}
	select {
	case u.slots <- struct{}{}:
		defer func() { <-u.slots }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if right := one.secret.verify(password); !right || !known {
		return smtpd.ErrCredentials
	}
	return nil
}

// MaySend implements [smtpd.Authenticator].
func (u *users) MaySend(name string, from smtpd.Address) bool {
	if from == (smtpd.Address{}) {
		return true
	}
	one, known := u.find(name)
	if !known || from.Literal.IsValid() {
		return false
	}
	domain := "@" + plainDomain(from.Domain)
	return slices.Contains(one.senders, domain) || slices.Contains(one.senders, strings.ToLower(from.Local)+domain)
}

// plainDomain is a domain in lower case and A-labels, without a final dot.
func plainDomain(domain string) string {
	if name, err := record.ParseDomain(domain); err == nil {
		return record.Display(name)
	}
	return strings.ToLower(strings.TrimSuffix(domain, "."))
}
