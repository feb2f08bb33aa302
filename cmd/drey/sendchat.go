package main

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/drey-ops/drey/bot/slackbot"
	"github.com/drey-ops/drey/config"
)

// sendSlack posts a slash command as Slack does, signed with the secret of the configuration. What drey answers goes to
// Slack, not here: the person and the channel must be real for it to be seen.
func sendSlack(ctx context.Context, args []string, s streams) error {
	fs := flag.NewFlagSet("send slack", flag.ContinueOnError)
	file := configFlag(fs)
	to := fs.String("to", "", "the `address` of the running drey; the default is server.listen")
	user := fs.String("user", "U0DREYTEST", "the `id` of the person")
	channel := fs.String("channel", "C0DREYTEST", "the `id` of the channel")
	if err := flags(fs, args[1:], s, 1, 1000); err != nil {
		return err
	}
	cfg, err := config.Load(*file)
	switch {
	case err != nil:
		return err
	case cfg.Slack.Mode != slackbot.ModeHTTP:
		return errors.New("slack.mode is not http: Slack does not post to this drey")
	}
	root, text, _ := strings.Cut(strings.Join(fs.Args(), " "), " ")
	if !strings.HasPrefix(root, "/") {
		return &usageError{"the line begins with a slash: /flink jobs"}
	}
	body := url.Values{
		"command": {root}, "text": {text}, "user_id": {*user}, "user_name": {"drey-send"}, "channel_id": {*channel}, "channel_name": {"drey-send"},
		"team_id": {"T0DREYTEST"}, "team_domain": {"drey-send"}, "api_app_id": {"A0DREYTEST"}, "trigger_id": {"send." + rand.Text()}, "is_enterprise_install": {"false"},
	}.Encode()
	at := strconv.FormatInt(time.Now().Unix(), 10)
	header := http.Header{
		"Content-Type": {"application/x-www-form-urlencoded"}, "X-Slack-Request-Timestamp": {at},
		"X-Slack-Signature": {slackbot.Sign(cfg.Slack.SigningSecret, at, []byte(body))},
	}
	return postTo(ctx, s, cmp.Or(*to, cfg.Server.Listen), "/slack/commands", header, []byte(body))
}

// sendDiscord posts an interaction. Only Discord can sign for the public key of a real application, so this is for a drey
// whose public_key belongs to the given private key; without -seed it sends a ping with a wrong signature, which drey
// must refuse, as it must when Discord tries it so.
func sendDiscord(ctx context.Context, args []string, s streams) error {
	fs := flag.NewFlagSet("send discord", flag.ContinueOnError)
	file := configFlag(fs)
	to := fs.String("to", "", "the `address` of the running drey; the default is server.listen")
	seed := fs.String("seed", "", "the private key's seed, 64 hexadecimal `digits`")
	if err := flags(fs, args[1:], s, 0, 1); err != nil {
		return err
	}
	cfg, err := config.Load(*file)
	if err != nil {
		return err
	}
	payload := []byte(`{"id":"1","application_id":` + strconv.Quote(cfg.Discord.ApplicationID) + `,"type":1,"token":"t","version":1}`)
	if fs.NArg() == 1 {
		if payload, err = readPayload(fs.Arg(0), s.in); err != nil {
			return err
		}
		if !json.Valid(payload) {
			return &usageError{"the payload is not JSON"}
		}
	}
	key := make([]byte, ed25519.SeedSize)
	if *seed != "" {
		if key, err = hex.DecodeString(*seed); err != nil || len(key) != ed25519.SeedSize {
			return &usageError{"-seed: want 64 hexadecimal digits"}
		}
	}
	at := strconv.FormatInt(time.Now().Unix(), 10)
	signature := ed25519.Sign(ed25519.NewKeyFromSeed(key), append([]byte(at), payload...))
	header := http.Header{
		"Content-Type": {"application/json"}, "X-Signature-Timestamp": {at}, "X-Signature-Ed25519": {hex.EncodeToString(signature)},
	}
	return postTo(ctx, s, cmp.Or(*to, cfg.Server.Listen), "/discord/interactions", header, payload)
}
