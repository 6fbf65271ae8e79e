//go:build linux

package lab_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/peertest"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/scenario/smtpscript"
)

// A postfix is one Postfix that is the mail host of several worlds, each address
// of each on a port of its own.
type postfix struct {
	dir      string
	services strings.Builder // lines of master.cf
	domains  []string
	listens  []string // host:port of each service
	more     string   // lines of main.cf
	pid      int      // of its master, and the group of all its processes
}

const mainCf = `compatibility_level = 3.6
queue_directory = %[1]s/queue
data_directory = %[1]s/data
maillog_file = %[1]s/log
maillog_file_prefixes = %[1]s
inet_interfaces = loopback-only
inet_protocols = ipv4
mynetworks =
mydestination = %[2]s
alias_maps =
alias_database =
local_recipient_maps =
smtpd_peername_lookup = no
smtpd_relay_restrictions = reject_unauth_destination
smtpd_error_sleep_time = 0
in_flow_delay = 0
smtpd_tls_security_level = may
smtpd_tls_protocols = >=TLSv1.2
`

const masterCf = `cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
`

func newPostfix(t testing.TB) *postfix {
	t.Helper()
	peertest.Program(t, "postfix")
	if os.Getuid() != 0 {
		peertest.Missing(t, "Postfix runs as root only, and this is not root")
	}
	return &postfix{dir: peertest.Folder(t)}
}

// add makes Postfix a mail host of domain that greets with those words, the first
// of which is its name, and has a certificate of ca for that name and for
// others. It returns where Postfix will listen.
func (p *postfix) add(t testing.TB, domain, greeting string, ca *smtpscript.CA, others []string) string {
	t.Helper()
	name, _, _ := strings.Cut(greeting, " ")
	cert, err := ca.Issue(smtpscript.Certificate{Names: append([]string{name}, others...)})
	if err != nil {
		t.Fatal(err)
	}
	address := peertest.Address(t)
	chain := filepath.Join(p.dir, fmt.Sprintf("%d.pem", len(p.listens)))
	peertest.Write(t, chain, pemOf(t, cert))
	fmt.Fprintf(&p.services, "%s inet n - n - - smtpd -o myhostname=%s -o {smtpd_banner=%s} -o smtpd_tls_chain_files=%s\n", address, name, greeting, chain)
	p.domains = append(p.domains, record.Display(domain))
	p.listens = append(p.listens, address)
	return address
}

// start runs Postfix with what was added, in a configuration and queue of its
// own, until the test ends.
func (p *postfix) start(t testing.TB) {
	t.Helper()
	for _, sub := range []string{"etc", "queue", "data"} {
		if err := os.Mkdir(filepath.Join(p.dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	owner, err := user.Lookup("postfix")
	if err != nil {
		peertest.Missing(t, "there is no user postfix")
	}
	uid, _ := strconv.Atoi(owner.Uid)
	if err := os.Chown(filepath.Join(p.dir, "data"), uid, -1); err != nil {
		t.Fatal(err)
	}
	etc := filepath.Join(p.dir, "etc")
	peertest.Write(t, filepath.Join(etc, "main.cf"), fmt.Sprintf(mainCf, p.dir, strings.Join(p.domains, ", "))+p.more)
	peertest.Write(t, filepath.Join(etc, "master.cf"), masterCf+p.services.String())
	t.Cleanup(func() {
		if text, err := os.ReadFile(filepath.Join(p.dir, "log")); t.Failed() && err == nil {
			t.Logf("Postfix logged:\n%s", text[max(0, len(text)-4000):])
		}
	})
	peertest.Run(t, exec.Command(peertest.Program(t, "postfix"), "-c", etc, "check")) // makes the queue's directories
	// Not "postfix start": its master leaves the process group, and may outlive the test.
	master := exec.Command(p.master(t, etc), "-c", etc, "-d", "-e", "600") // seconds to live, if the test cannot end it
	// It listens on all ports at once; each conversation costs a process.
	peertest.Start(t, master, peertest.Listens(p.listens[len(p.listens)-1]))
	p.pid = master.Process.Pid
}

// master is the program that runs Postfix.
func (p *postfix) master(t testing.TB, etc string) string {
	t.Helper()
	dir := peertest.Run(t, exec.Command(peertest.Program(t, "postconf"), "-c", etc, "-h", "daemon_directory"))
	return filepath.Join(strings.TrimSpace(dir), "master")
}

// pemOf is the key and the certificate as Postfix wants them in one file.
func pemOf(t testing.TB, cert tls.Certificate) string {
	t.Helper()
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	pem.Encode(&b, &pem.Block{Type: "PRIVATE KEY", Bytes: key})
	for _, der := range cert.Certificate {
		pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: der})
	}
	return b.String()
}
