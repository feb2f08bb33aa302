// Command drey is the chat-ops and notification bot of an Apache Flink platform.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // mute times and time zones hold in an image that has no zoneinfo

	"github.com/redis/go-redis/v9"
)

func main() {
	redis.SetLogger(silent{})
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr})
	stop()
	os.Exit(code)
}

// silent keeps the Redis client from writing lines of its own: what they say comes back as errors, without addresses.
type silent struct{}

// Printf implements the client's logging.
func (silent) Printf(context.Context, string, ...any) {}
