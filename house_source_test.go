package main_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/tools/go/packages"
)

// TestLibraries holds libraries to their rooms, in tests too, and allows a blank
// import for embed only.
func TestLibraries(t *testing.T) {
	files := token.NewFileSet()
	for _, name := range goFiles(t) {
		file, err := parser.ParseFile(files, name, nil, parser.ImportsOnly)
		if err != nil {
			t.Error(err)
			continue
		}
		for _, spec := range file.Imports {
			imported, _ := strconv.Unquote(spec.Path.Value)
			if spec.Name != nil && (spec.Name.Name == "_" || spec.Name.Name == ".") && imported != "embed" {
				t.Errorf("%s: import %s %s: imports for effect and dot imports are not wanted", files.Position(spec.Pos()), spec.Name.Name, imported)
			}
			for library, rooms := range libraries {
				of := imported == library || strings.HasPrefix(imported, library+"/")
				if room := filepath.ToSlash(filepath.Dir(name)); of && !slices.Contains(rooms, room) {
					t.Errorf("%s: %s is for %s only", files.Position(spec.Pos()), library, strings.Join(rooms, ", "))
				}
			}
		}
	}
}

// TestState keeps hidden state out: no func init, no package variable that
// changes after it is initialised, none made to be changed.
func TestState(t *testing.T) {
	for _, p := range load(t) {
		for _, file := range p.Syntax {
			for _, decl := range file.Decls {
				if f, ok := decl.(*ast.FuncDecl); ok {
					if f.Recv == nil && f.Name.Name == "init" {
						t.Errorf("%s: func init", p.Fset.Position(f.Pos()))
					}
					reportWrites(t, p, f)
				}
			}
		}
		scope := p.Types.Scope()
		for _, name := range scope.Names() {
			if v, ok := scope.Lookup(name).(*types.Var); ok && synchronised(v.Type()) {
				t.Errorf("%s: %s is a package variable made to be changed", p.Fset.Position(v.Pos()), name)
			}
		}
	}
}

// synchronised reports whether t comes from sync or sync/atomic, or is a channel.
func synchronised(t types.Type) bool {
	if ptr, ok := t.(*types.Pointer); ok {
		t = ptr.Elem()
	}
	if _, ok := t.Underlying().(*types.Chan); ok {
		return true
	}
	named, ok := t.(*types.Named)
	if !ok || named.Obj().Pkg() == nil {
		return false
	}
	from := named.Obj().Pkg().Path()
	return from == "sync" || from == "sync/atomic"
}

// reportWrites reports every place in f that changes a package variable, or an
// element or field of one, whatever package it belongs to.
func reportWrites(t *testing.T, p *packages.Package, f *ast.FuncDecl) {
	check := func(target ast.Expr) {
		if v := packageVar(p.TypesInfo, target); v != nil {
			t.Errorf("%s: %s changes the package variable %s", p.Fset.Position(target.Pos()), f.Name.Name, v.Name())
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for _, target := range n.Lhs {
				check(target)
			}
		case *ast.IncDecStmt:
			check(n.X)
		case *ast.RangeStmt:
			if n.Tok == token.ASSIGN {
				check(n.Key)
				check(n.Value)
			}
		case *ast.CallExpr:
			if b, ok := n.Fun.(*ast.Ident); ok && len(n.Args) > 0 && (b.Name == "delete" || b.Name == "clear" || b.Name == "copy") {
				check(n.Args[0])
			}
		}
		return true
	})
}

// packageVar is the package variable that a change of target would change; nil
// if it is a local one or what a local pointer leads to.
func packageVar(info *types.Info, target ast.Expr) *types.Var {
	switch e := target.(type) {
	case *ast.Ident:
		if v, ok := info.Uses[e].(*types.Var); ok && v.Pkg() != nil && v.Parent() == v.Pkg().Scope() {
			return v
		}
	case *ast.SelectorExpr:
		if v := packageVar(info, e.Sel); v != nil {
			return v
		}
		return packageVar(info, e.X)
	case *ast.IndexExpr:
		return packageVar(info, e.X)
	case *ast.StarExpr:
		return packageVar(info, e.X)
	case *ast.ParenExpr:
		return packageVar(info, e.X)
	}
	return nil
}

// TestTopics holds topics and facts to the world that comes in through
// checks.Env: they read no clock, and a topic names another one's checks in
// Needs and nowhere else.
func TestTopics(t *testing.T) {
	for _, p := range load(t) {
		_, room := standsOn(roomOf(p.PkgPath))
		if room != "checks/*" && room != "checks/facts" {
			continue
		}
		for id, used := range p.TypesInfo.Uses {
			if f, ok := used.(*types.Func); ok && f.Pkg() != nil && f.Pkg().Path() == "time" && slices.Contains([]string{"Now", "Since", "Until"}, f.Name()) && f.Signature().Recv() == nil {
				t.Errorf("%s: time.%s: time comes from Env.Now", p.Fset.Position(id.Pos()), f.Name())
			}
			if _, constant := used.(*types.Const); used.Pkg() != nil && used.Pkg().Path() == "net/http" && !constant {
				t.Errorf("%s: http.%s: the world comes in through Env", p.Fset.Position(id.Pos()), id.Name)
			}
		}
		for _, file := range p.Syntax {
			reportStrangers(t, p, file)
		}
	}
}

// reportStrangers reports every use of another topic that is not in Needs.
func reportStrangers(t *testing.T, p *packages.Package, file *ast.File) {
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.KeyValueExpr:
			if key, ok := n.Key.(*ast.Ident); ok && key.Name == "Needs" {
				return false
			}
		case *ast.SelectorExpr:
			x, ok := n.X.(*ast.Ident)
			if !ok {
				return true
			}
			used, ok := p.TypesInfo.Uses[x].(*types.PkgName)
			if !ok {
				return true
			}
			if _, room := standsOn(roomOf(used.Imported().Path())); room == "checks/*" {
				t.Errorf("%s: %s.%s: another topic may be named in Needs only; data crosses through checks/facts", p.Fset.Position(n.Pos()), x.Name, n.Sel.Name)
			}
		}
		return true
	})
}

// goFiles is every Go file of the house, tests too.
func goFiles(t *testing.T) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata"):
			return filepath.SkipDir
		case strings.HasSuffix(name, ".go"):
			names = append(names, name)
		}
		return nil
	})
	if err != nil || len(names) == 0 {
		t.Fatalf("found %d Go files: %v", len(names), err)
	}
	return names
}
