package facts

import (
	"context"

	"github.com/maildoctor/maildoctor/checks"
)

// AskOutlet asks the well-known hosts of one family for their greeting, and
// concludes whether port 25 is open on the way out of this machine. Of env it needs
// DNS and SMTP.
func AskOutlet(ctx context.Context, env *checks.Env, family Family) Outlet {
	o := Outlet{Family: family}
	o.ask(ctx, env)
	return o
}
