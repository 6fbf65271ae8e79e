package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const (
	// maxCommand is how long one command may take.
	maxCommand = 5 * time.Second
	// maxOutput bounds what is kept of its output, in octets. A queue of ten
	// thousand messages is listed within.
	maxOutput = 8 << 20
)

// binaries is where commands are looked for. PATH is not asked: whoever runs as
// root shall not run what somebody else has put there.
var binaries = []string{"/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/local/sbin", "/usr/local/bin"}

// errLong is the error beside output that was cut at maxOutput.
var errLong = errors.New("its output is longer than what is read")

// programs runs the commands of this machine, without a shell and without the
// environment of whoever runs this.
type programs struct{}

func (programs) Run(ctx context.Context, name string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, maxCommand)
	defer cancel()
	for _, dir := range binaries {
		path, err := exec.LookPath(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		return run(ctx, path, args)
	}
	return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
}

func run(ctx context.Context, path string, args []string) ([]byte, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	out, errs := &kept{most: maxOutput, full: cancel}, &kept{most: 4096}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = []string{"PATH=" + strings.Join(binaries, ":"), "LC_ALL=C"}
	cmd.Stdout, cmd.Stderr = out, errs
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	switch {
	case out.cut:
		return out.data, errLong
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return nil, fmt.Errorf("no answer within %s", maxCommand)
	case err != nil:
		if text := firstLine(string(errs.data)); text != "" {
			return out.data, fmt.Errorf("%q", text)
		}
		return out.data, err
	}
	return out.data, nil
}

// kept keeps the beginning of what is written to it, and calls full when there
// is more.
type kept struct {
	data []byte
	most int
	cut  bool
	full func()
}

func (k *kept) Write(p []byte) (int, error) {
	k.data = append(k.data, p[:min(len(p), k.most-len(k.data))]...)
	if len(k.data) == k.most && !k.cut && k.full != nil {
		k.full()
	}
	k.cut = len(k.data) == k.most
	return len(p), nil
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return strings.TrimSpace(line)
}
