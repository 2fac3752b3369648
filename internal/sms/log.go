package sms

import (
	"context"
	"log/slog"
)

// Log writes messages to a log instead of sending them: for a demo, whose codes are no secret.
type Log struct{ To *slog.Logger }

// Send logs the message as a warning, which every log of a demo shows unless it was asked for errors alone.
func (l Log) Send(ctx context.Context, number, text string) error {
	l.To.WarnContext(ctx, "DEMO: this text message is not sent; it stands here instead", "number", number, "text", text)
	return nil
}
