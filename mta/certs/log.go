package certs

import (
	"context"
	"log/slog"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// bridge is a zap.Logger, which certmagic wants, that writes to a slog.Logger. What it
// tells of each step that went well is for who looks for a fault.
func bridge(to *slog.Logger) *zap.Logger { return zap.New(&core{to: to.Handler()}) }

type core struct {
	to   slog.Handler
	with []zapcore.Field
}

func levelOf(l zapcore.Level) slog.Level {
	switch {
	case l <= zapcore.InfoLevel:
		return slog.LevelDebug
	case l == zapcore.WarnLevel:
		return slog.LevelWarn
	}
	return slog.LevelError
}

func (c *core) Enabled(l zapcore.Level) bool { return c.to.Enabled(context.Background(), levelOf(l)) }

func (c *core) With(fields []zapcore.Field) zapcore.Core {
	return &core{c.to, append(c.with[:len(c.with):len(c.with)], fields...)}
}

func (c *core) Check(e zapcore.Entry, to *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(e.Level) {
		return to.AddCore(e, c)
	}
	return to
}

// Write writes an entry, with its fields in their order.
func (c *core) Write(e zapcore.Entry, fields []zapcore.Field) error {
	r := slog.NewRecord(e.Time, levelOf(e.Level), "acme: "+e.Message, 0)
	for _, list := range [][]zapcore.Field{c.with, fields} {
		for _, f := range list {
			m := zapcore.NewMapObjectEncoder()
			f.AddTo(m)
			for key, value := range m.Fields {
				r.AddAttrs(slog.Any(key, value))
			}
		}
	}
	return c.to.Handle(context.Background(), r)
}

func (c *core) Sync() error { return nil }
