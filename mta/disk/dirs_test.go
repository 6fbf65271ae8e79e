package disk

import (
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// slow is a file system that takes a second to sync a directory.
type slow struct {
	FS
	mu    sync.Mutex
	calls map[string]int
	err   error
}

func (s *slow) SyncDir(name string) error {
	time.Sleep(time.Second)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls[name]++
	return s.err
}

// TestDirs: whoever comes while a call is under way waits for the next one, and
// shares it; directories do not wait for each other; all hear of an error.
func TestDirs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs := &slow{calls: map[string]int{}}
		dirs := NewDirs(fs)
		var wg sync.WaitGroup
		for i, want := range []time.Duration{1, 2, 2, 2, 1} { // seconds
			name := "a"
			if i == 4 {
				name = "b"
			}
			wg.Go(func() {
				begun := time.Now()
				if err := dirs.Sync(name); err != nil || time.Since(begun) != want*time.Second {
					t.Errorf("%d: after %v: %v", i, time.Since(begun), err)
				}
			})
			synctest.Wait()
		}
		wg.Wait()
		if fs.calls["a"] != 2 || fs.calls["b"] != 1 {
			t.Errorf("calls %v", fs.calls)
		}
		synctest.Wait()
		if len(dirs.dirs) != 0 {
			t.Errorf("%d directories are remembered", len(dirs.dirs))
		}
		fs.err = errors.New("disk")
		for range 3 {
			wg.Go(func() {
				if err := dirs.Sync("a"); !errors.Is(err, fs.err) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	})
}
