package spf

import (
	"context"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/spf"
)

// MacroSyntax: macros parse and stand where they may.
var MacroSyntax = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "spf.macro-syntax",
		Title:    "Macros are well formed and allowed where they stand",
		Severity: diagnosis.Critical,
		Why:      "A macro that does not parse is a syntax error: receivers answer permerror for all mail of the domain.",
		Doc: `A macro puts something about the message at hand into a name: %{i} the address of the sending host, %{d} the domain whose record it is, %{h} the EHLO name, %{s} the sender, of which %{l} is the part before the @ and %{o} the domain. Some services use exists:%{i}._spf.example.com to answer for each address by itself.

A macro is %{ and a letter (s l o d i p h v), an optional number of parts, an optional r to reverse them, optional delimiters, and a closing brace: %{ir}, %{l1r-}, %{d2}. The number must not be 0. A percent sign is %%, a space %_, an escaped space %-. The letters c, r and t are allowed only in the text that exp= points to.

To fix it, correct the macro that is marked.

What a macro leads to depends on the sender, so lookups behind an include with macros cannot be counted here.`,
		Refs: []diagnosis.Ref{{Name: "RFC 7208, 7.1"}, {Name: "RFC 7208, 7.2"}, {Name: "RFC 7208, 7.3"}},
	},
	Needs: []*checks.Check{Exists, SingleRecord},
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		return judgeProblems(ctx, env, always(diagnosis.Critical), spf.BadMacro, spf.MacroNotHere)
	},
})
