//go:build !linux

package disk

import "errors"

// Volume implements [Volumes].
func (OS) Volume(string) (Volume, error) { return nil, errors.ErrUnsupported }
