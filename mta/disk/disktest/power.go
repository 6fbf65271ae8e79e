package disktest

import (
	"iter"
	"maps"
	"slices"
)

// A Loss is what becomes of octets that were written and not synced.
type Loss int

const (
	Nothing  Loss = iota // all of them were written in time
	Unsynced             // none was
	Half                 // some were
	Zeroes               // the length was kept, and not what stood there
)

// most is the changes of names that PowerCuts combines: 2^most worlds each.
const most = 10

// PowerCuts is every world that may be found when the power comes back, if it went
// now: each set of names that were not synced, under each loss of octets. The
// worlds hold no lock.
func (m *Mem) PowerCuts() iter.Seq[*Mem] {
	m.mu.Lock()
	pending, kept, dirs := m.pending, maps.Clone(m.kept), maps.Clone(m.dirs)
	octets := map[*inode]inode{}
	for _, names := range []map[string]*inode{m.kept, m.now} {
		for _, node := range names {
			octets[node] = *node
		}
	}
	for _, c := range pending {
		if c.node != nil {
			octets[c.node] = *c.node
		}
	}
	m.mu.Unlock()
	if len(pending) > most {
		panic("disktest: too many changes of names at once to try every set of them")
	}
	return func(yield func(*Mem) bool) {
		for set := range 1 << len(pending) {
			names := maps.Clone(kept)
			for i, c := range pending {
				if set&(1<<i) != 0 {
					c.to(names)
				}
			}
			for loss := Nothing; loss <= Zeroes; loss++ {
				if !yield(world(names, dirs, octets, loss)) {
					return
				}
			}
		}
	}
}

// PowerCut is one of the worlds that may be found when the power comes back, if it
// went now. choose(n) chooses one of n, from 0, for each name and each file that was
// not synced.
func (m *Mem) PowerCut(choose func(n int) int) *Mem {
	m.mu.Lock()
	defer m.mu.Unlock()
	names := maps.Clone(m.kept)
	for _, c := range m.pending {
		if choose(2) == 1 {
			c.to(names)
		}
	}
	w := world(nil, m.dirs, nil, Nothing)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		data := Loss(choose(int(Zeroes) + 1)).of(*names[name])
		left := &inode{data, data}
		w.now[name], w.kept[name] = left, left
	}
	return w
}

func world(names map[string]*inode, dirs map[string]bool, octets map[*inode]inode, loss Loss) *Mem {
	w := &Mem{now: map[string]*inode{}, kept: map[string]*inode{}, dirs: maps.Clone(dirs), held: map[string]bool{}}
	for name, node := range names {
		data := loss.of(octets[node])
		left := &inode{data, data}
		w.now[name], w.kept[name] = left, left
	}
	return w
}

// of is what is left of a file. What was synced is safe.
func (l Loss) of(node inode) []byte {
	synced := len(node.synced)
	left := append([]byte(nil), node.data...)
	switch l {
	case Unsynced:
		left = left[:synced]
	case Half:
		left = left[:synced+(len(left)-synced)/2]
	case Zeroes:
		clear(left[synced:])
	}
	return left
}
