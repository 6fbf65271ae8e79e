package disktest

import (
	"iter"
	"maps"
	"slices"
)

// A Loss is what becomes of octets that were written and not synced. They may have
// been written over others, which were.
type Loss int

const (
	Nothing  Loss = iota // all of them were written in time
	Unsynced             // none was
	Half                 // the first ones were
	Late                 // the last ones were, and not those in front
	Zeroes               // the length was kept, and not what stood there

	losses = iota
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
			for loss := Nothing; loss < losses; loss++ {
				w, lost := world(names, dirs, octets, loss)
				if !yield(w) {
					return
				}
				if !lost { // all is synced
					break
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
	w, _ := world(nil, m.dirs, nil, Nothing)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		node := *names[name]
		from, to := node.unsynced()
		data := Loss(choose(losses)).of(node, from+choose(to-from+1))
		left := &inode{data, data}
		w.now[name], w.kept[name] = left, left
	}
	return w
}

// world also reports whether anything was not synced.
func world(names map[string]*inode, dirs map[string]bool, octets map[*inode]inode, loss Loss) (w *Mem, lost bool) {
	w = &Mem{now: map[string]*inode{}, kept: map[string]*inode{}, dirs: maps.Clone(dirs), held: map[string]bool{}}
	for name, node := range names {
		from, to := octets[node].unsynced()
		lost = lost || from < to
		data := loss.of(octets[node], (from+to)/2)
		left := &inode{data, data}
		w.now[name], w.kept[name] = left, left
	}
	return w, lost
}

// unsynced is where the octets that differ from what was synced begin and end.
func (node inode) unsynced() (from, to int) {
	for from < len(node.synced) && node.data[from] == node.synced[from] {
		from++
	}
	to = len(node.data)
	for to > from && to <= len(node.synced) && node.data[to-1] == node.synced[to-1] {
		to--
	}
	return from, to
}

// of is what is left of a file that was being written until there. What was synced,
// and nothing was written over it since, is safe. The result is not written to.
func (l Loss) of(node inode, until int) []byte {
	switch l {
	case Unsynced:
		return node.synced
	case Half:
		return overlay(node.synced, node.data[:until])
	case Late:
		left := overlay(make([]byte, len(node.data)), node.synced)
		copy(left[until:], node.data[until:])
		return left
	case Zeroes:
		return overlay(make([]byte, len(node.data)), node.synced)
	default:
		return node.data
	}
}

// overlay is under with over written over its beginning.
func overlay(under, over []byte) []byte {
	return append(slices.Clone(over), under[min(len(over), len(under)):]...)
}
