package cmd

// trials says of each documented command line how it is run without the internet.
var trials = map[string]trial{
	"demo": {not: "CI runs it as a newcomer does, and TestReadme holds the picture to what it prints"},

	"check example.com": {says: `1 warning · `},
	"check example.com --selector s1 --ip 192.0.2.25 --helo mail.example.com":               {says: `spf\.`},
	"check example.com --format json":                                                       {says: `"schema": "maildoctor.report/v1"`},
	"check example.com --no-smtp --fail-on warning --format text --format junit:report.xml": {code: 1, says: `WARNING`},
	"check example.com --zone example.com.zone":                                             {says: `example.com`},
	"check example.com --ip 198.51.100.7 --helo mail2.example.com --only ptr,dnsbl,spf":     {says: `dnsbl`},
	"check example.com --record bug.txtar":                                                  {says: `1 warning · `},
	"check --replay bug.txtar":                                                              {says: `1 warning · `},
	"check example.com --format text --format sarif:out.sarif --format junit:out.xml":       {says: `1 warning · `},
	"check example.com --format json --output baseline.json":                                {},
	"check example.com --baseline baseline.json":                                            {says: `known since`},
	"check example.com --format nagios":                                                     {code: 1, says: `WARNING`},
	"check example.com --format prometheus:/var/lib/node_exporter/textfile/maildoctor.prom": {},
	"report --from report.json --format html:report.html":                                   {first: []string{"check", "example.com", "--format", "json:report.json"}},
	"ip 198.51.100.7":                                      {swap: []string{"198.51.100.7", "9.8.7.25"}, says: `fit to send mail from`},
	"ip 192.0.2.25 --helo mail.example.com":                {swap: []string{"192.0.2.25", "9.8.7.25"}, says: `fit to send mail from`},
	"message mail.eml --policy gmail-bulk,yahoo,microsoft": {code: 1, says: `Would Gmail accept this`},

	"plan example.com --fix --provider cloudflare --save example.com.plan": {says: `~all`},
	// Nobody serves the zone file, so that what waits for the name servers says that it does not know.
	"apply example.com.plan --wait": {also: []string{"--yes"}, code: 4, says: `1 change done and read back`},
	"rollback example.com":          {also: []string{"--yes"}, says: `v=spf1`},

	"init --domain example.com --profile mailcow --host mail.example.com --ip 192.0.2.25": {says: `Wrote maildoctor.yaml`},
	"zone export": {says: `IN MX 10 mail.example.com`},

	"dkim keygen --domain example.com --type both --selector rsa1,ed1": {dir: "etc/maildoctor", says: `_domainkey`},
	"dkim rotate example.com --provider cloudflare":                    {also: []string{"--old=none", "--yes"}, code: 4, says: `published TXT`},

	"ddns example.com --host mail.example.com --source stun:stun.example.net --provider cloudflare --watch": {
		swap: []string{"stun:stun.example.net", "address:9.8.7.26", "--watch", "--dry-run"}, also: []string{"--resolver=$RESOLVER"}, says: `A mail.example.com`,
	},

	// The key is not that of a record yet, which is what the trial is for.
	"e2e example.com --key s1=s1.pem": {code: 1, says: `the published key of selector s1 does not fit`},
	"e2e example.com --chaos all":     {swap: []string{"all", "greylist,no-tls"}, says: `goes all the way`},

	"send --from ann@example.com --to bob@example.net --key s1=s1.pem":                      {also: []string{"--resolver=$RESOLVER", "--port=$PORT", "--yes"}, says: `The message is delivered`},
	"send --from ann@example.com --to you@gmail.com --file /etc/maildoctor/maildoctor.yaml": {also: []string{"--resolver=$RESOLVER", "--port=$PORT", "--yes"}, says: `The message is delivered`},

	"inbox --listen :25 --domain test.example.com": {swap: []string{":25", "127.0.0.1:0"}, also: []string{"--timeout=1ms", "--resolver=$RESOLVER"}, code: 4, says: `no mail came within 1ms`},
	"inbox --format json --timeout 5m":             {swap: []string{"5m", "1ms"}, also: []string{"--listen=127.0.0.1:0", "--domain=example.com", "--resolver=$RESOLVER"}, code: 4, says: `no mail came within 1ms`},
	"inbox --file /etc/maildoctor/maildoctor.yaml": {not: "it waits at the server that runs, with test-mailbox: yes"},

	// Nothing listens at port 587 of that world yet, which the rehearsal tells.
	"dmarc report reports/ --domain example.com": {also: []string{"--offline"}, says: `192\.0\.2\.25`},

	"plan --file /etc/maildoctor/maildoctor.yaml":                                    {code: 1, says: `smtp.submission-ports: submission at mail.example.com:587`},
	"apply --file /etc/maildoctor/maildoctor.yaml --provider cloudflare":             {also: []string{"--yes", "--yes-delete", "--accept=smtp.submission-ports,dmarc.minimum-stage"}, says: `changes done and read back`},
	"mta run --check --file /etc/maildoctor/maildoctor.yaml":                         {says: `example.com`},
	"mta run --file /etc/maildoctor/maildoctor.yaml":                                 {not: "it serves until it is stopped"},
	"apply example.org --provider zone:/etc/bind/example.org.zone":                   {swap: []string{"example.org", "example.com"}, also: []string{"--fix", "--yes"}, says: `1 change done and read back`},
	"apply example.org --provider rfc2136:ns1.example.net --tsig-key maildoctor.key": {swap: []string{"example.org", "example.com"}, also: []string{"--fix", "--yes"}, says: `1 change done and read back`},

	// docs/check.md, fix.md, dynamic-address.md, json.md
	"check example.com --only spf,dmarc.exists":             {says: `✓ dmarc`},
	"check example.com --policy gmail-bulk,yahoo,microsoft": {says: `Would Yahoo accept`},
	"check example.com example.net --no-smtp":               {says: `example.com`},
	"explain spf.lookup-limit":                              {says: `at most ten`},
	"check example.com --verbose":                           {says: `v=DMARC1`},
	"check --zone example.com.zone":                         {says: `example.com`},
	"ip 192.0.2.25":                                         {swap: []string{"192.0.2.25", "9.8.7.25"}, says: `fit to send mail from`},
	"message mail.eml":                                      {says: `Score`},
	"check example.com --local":                             {not: "it reads this machine"},
	"rollback example.com --list":                           {says: `example.com`},
	"plan":                                                  {code: 1, says: `rehearsal`},
	"ddns --host mail.example.com --source address:192.0.2.25 --provider zone:/etc/bind/example.com.zone --dry-run": {
		swap: []string{"address:192.0.2.25", "address:9.8.7.26"}, also: []string{"--resolver=$RESOLVER"}, says: `A mail.example.com`,
	},
	"check example.com --format json --output report.json": {},

	// docs/migrate.md
	"migrate audit --to new.yaml": {code: 1, says: `In the way:`},
	"migrate audit --to new.yaml --selector s1,mail2024 --subdomain news --reports reports/": {code: 1, says: `In the way:`},
	"migrate audit --to new.yaml --switch 2026-12-05T06:00 --save move.json":                 {code: 1, says: `switch  Sat 5 Dec 2026, 06:00 UTC`},
	"migrate status move.json":                           {code: 1, says: `0 of \d+ steps done`},
	"migrate plan move.json prepare --save prepare.plan": {first: []string{"migrate", "done", "move.json", "lower-ttls", "--unseen"}, says: `new.example.com`},
	"apply prepare.plan --provider cloudflare --wait":    {also: []string{"--yes"}, code: 4},
	"migrate done move.json prepare":                     {code: 1, says: `the DNS does not have it yet`},
	"migrate simulate move.json":                         {not: "it takes seconds; TestMigrateSimulate has whole ones"},
	"migrate simulate move.json --without policies":      {not: "as above"},

	"migrate rehearse move.json --recipients users.csv":                                         {not: "it talks to a new host; the script migrate_rehearse does"},
	"migrate rehearse move.json --recipients users.csv --size 50M --again 6m":                   {not: "as above"},
	"migrate rehearse example.com --mx mail.example.com --at 192.0.2.25 --recipients users.txt": {not: "as above"},
	"migrate watch move.json":                                   {not: "it asks resolvers; the script migrate_watch does"},
	"migrate watch move.json --public --wait":                   {not: "as above"},
	"migrate residue move.json":                                 {code: 1, says: `the old side is needed still|left of`},
	"migrate residue example.com --old google --save rest.plan": {says: `Nothing is left of Google Workspace`},
}
