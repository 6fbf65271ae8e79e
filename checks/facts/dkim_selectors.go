package facts

import (
	"fmt"
	"slices"
	"time"
)

// common is the selectors that are tried for every domain: the defaults of mail
// servers and suites, and those of the services used most. Every one costs a question.
var common = []string{
	"default",                // OpenDKIM, cPanel, Plesk
	"mail",                   // Mail-in-a-Box, docker-mailserver, YunoHost, Brevo, Yandex
	"dkim",                   // mailcow, Mailu, iRedMail, rspamd
	"modoboa",                // Modoboa
	"x",                      // DirectAdmin, Exim in Debian
	"google",                 // Google Workspace
	"selector1", "selector2", // Microsoft 365
	"s1", "s2", // SendGrid and others
	"k1", "k2", "k3", // Mailchimp, Mailgun
	"key1",       // Migadu
	"fm1",        // Fastmail
	"sig1",       // iCloud
	"protonmail", // Proton
	"zmail",      // Zoho
	"mte1",       // Mandrill
	"mailjet",    // Mailjet
	"brevo1",     // Brevo
	"pdk1",       // Mailgun
	"resend",     // Resend
	"pm",         // Postmark
	"gm1",        // Gandi
	"mx", "smtp", "m1", "email", "dkim1",
}

// commonSelectors is the common list and the yearly selector of mox.
func commonSelectors(now time.Time) []string {
	return append(slices.Clone(common), fmt.Sprintf("%da", now.Year()))
}
