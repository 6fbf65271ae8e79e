package cmd

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/zonefile"
	"github.com/maildoctor/maildoctor/zonelint"
)

func (a *app) zoneCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "zone",
		Short: "Judge, compare and write zone files",
		Long: `Zone works on zone files as BIND, NSD, Knot and PowerDNS read them and panels
export them. It changes nothing, and asks nobody but with export --from.`,
		Example: `  maildoctor zone lint example.org.zone
  maildoctor zone diff example.org.zone new.zone`,
		Args: noCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },

		SuggestionsMinimumDistance: 2,
	}
	cmd.AddCommand(a.zoneLintCommand(), a.zoneDiffCommand(), a.zoneExportCommand())
	return cmd
}

// zoneFlags say how zone files are read.
type zoneFlags struct {
	origin  string
	include bool
}

func (f *zoneFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.origin, "origin", "", "the `zone` of files that do not say of which they are")
	cmd.Flags().BoolVar(&f.include, "include", false, "follow $INCLUDE to files in the directory of the file\nand below it")
	_ = cmd.RegisterFlagCompletionFunc("origin", cobra.NoFileCompletions)
}

// zone is the zone of --origin, canonical; empty where it is not given.
func (f *zoneFlags) zone() (string, error) {
	if f.origin == "" {
		return "", nil
	}
	name, err := record.ParseDomain(f.origin)
	if err != nil {
		return "", usage(fmt.Errorf("--origin %q %w; give the zone, as in example.org", f.origin, err))
	}
	return name, nil
}

// files reads the zone files at paths, "-" being standard input. What cannot be
// read in them is told by each file's problems.
func (f *zoneFlags) files(paths []string, in io.Reader) ([]zonelint.File, error) {
	origin, err := f.zone()
	if err != nil {
		return nil, err
	}
	if first := slices.Index(paths, "-"); first >= 0 && slices.Contains(paths[first+1:], "-") {
		return nil, usage(errors.New("standard input (-) can be given once only"))
	}
	var files []zonelint.File
	for _, path := range paths {
		file, err := f.file(path, in, origin)
		if err != nil {
			return nil, usage(err)
		}
		files = append(files, file)
	}
	return files, nil
}

func (f *zoneFlags) file(path string, in io.Reader, origin string) (zonelint.File, error) {
	name, dir, r := "standard input", ".", in
	if path != "-" {
		opened, err := os.Open(path)
		if err != nil {
			return zonelint.File{}, err
		}
		defer opened.Close()
		name, dir, r = path, filepath.Dir(path), opened
	}
	options := zonefile.ReadOptions{Origin: origin}
	if f.include {
		root, err := os.OpenRoot(dir)
		if err != nil {
			return zonelint.File{}, err
		}
		defer root.Close()
		options.Includes = root.FS()
	}
	read, problems, err := zonefile.Parse(r, options)
	var fault *fs.PathError
	if errors.As(err, &fault) { // a directory, say
		err = fault.Err
	}
	if err != nil {
		return zonelint.File{}, fmt.Errorf("%s: %w", name, err)
	}
	read.Name = name
	file := zonelint.File{File: read, Problems: problems}
	if len(read.Entries) == 0 && len(problems) == 0 {
		return file, fmt.Errorf("%s holds no record", name)
	}
	var known bool
	file.Zone, known = zonelint.ZoneOf(read)
	_, whole := read.Apex()
	if origin != "" && !whole && !(known && !record.Within(file.Zone, origin)) {
		file.Zone, known = origin, true
	}
	if !known {
		return file, fmt.Errorf("%s does not say of which zone it is; give --origin, or begin the file with $ORIGIN and a SOA record", name)
	}
	return file, nil
}

// zoneRules is the rules of zone files as what can be selected and explained.
func zoneRules() []*checks.Check {
	var list []*checks.Check
	for _, r := range zonelint.Rules() {
		list = append(list, &checks.Check{Rule: r})
	}
	return list
}
