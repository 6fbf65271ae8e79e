package providertest_test

import (
	"testing"

	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/providers/providertest"
)

func TestMemory(t *testing.T) {
	for name, o := range map[string]providertest.MemoryOptions{
		"whole and atomic": {},
		"by name":          {Named: true},
		"step by step":     {Stepwise: true},
		"with limits":      {Limits: plan.Limits{MinTTL: 60, MaxTTL: 86400, MaxText: 2048, MaxTextAtName: 8192}},
	} {
		t.Run(name, func(t *testing.T) { providertest.Run(t, providertest.MemoryBackend(o)) })
	}
}

func FuzzPlans(f *testing.F) {
	for seed := range uint64(4) {
		f.Add(seed, seed%2 == 0)
	}
	f.Fuzz(func(t *testing.T, seed uint64, stepwise bool) {
		providertest.Random(t, providertest.MemoryBackend(providertest.MemoryOptions{Stepwise: stepwise}), seed, 10)
	})
}
