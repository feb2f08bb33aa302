# drey: make help lists the targets.
SHELL      := bash
GO         ?= go
BIN        := bin/drey
VERSION    ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS    := -s -w -X main.version=$(VERSION)
PACKAGES   := ./...
ARTIFACTS  ?= $(CURDIR)/artifacts
LISTEN     ?= 127.0.0.1:8080
TESTFLAGS  ?=
SOAK       ?= 30m
export GOFLAGS ?= -p=2

.DEFAULT_GOAL := help
.PHONY: help build demo deps test race e2e soak bench bench-peers lint fmt generate verify release clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

build: ## build bin/drey
	@mkdir -p bin
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN) ./cmd/drey

demo: build ## run everything on this machine: Flink, Prometheus, Alertmanager, the console; Ctrl-C ends it
	@exec $(BIN) demo --listen $(LISTEN)

deps: ## find or install what the tests need (redis-server, Java, Maven, Prometheus, Alertmanager, Chromium)
	@.ci/deps

test: deps ## all tests against the real programs, then the race detector where goroutines meet (about 20 minutes)
	@mkdir -p $(ARTIFACTS)
	DREY_ARTIFACTS=$(ARTIFACTS) $(GO) test -p 3 -timeout 22m $(TESTFLAGS) ./cmd/drey $(PACKAGES)
	@$(MAKE) --no-print-directory race

race: ## the packages where goroutines meet, under the race detector
	DREY_TEST_SHORT=1 $(GO) test -race -short -timeout 10m $(TESTFLAGS) ./storage/... ./bot ./bot/slackbot/... ./bot/discordbot/... ./commands ./alerts

e2e: ## the scripts of the whole bot alone
	DREY_ARTIFACTS=$(ARTIFACTS) $(GO) test -timeout 15m -run 'Script|Demo' $(TESTFLAGS) ./cmd/drey

soak: ## random schedules of alerts, people and failures against real programs, for SOAK (30m); DREY_SOAK_SEED repeats one
	@mkdir -p $(ARTIFACTS)
	DREY_SOAK=$(SOAK) DREY_ARTIFACTS=$(ARTIFACTS) $(GO) test -count 1 -v -run '^TestSoak$$' -timeout 0 $(TESTFLAGS) ./cmd/drey

bench: ## the benchmarks, and a table of the issue's figures out of that one run (about 6 minutes; needs redis-server)
	@mkdir -p $(ARTIFACTS)
	@set -o pipefail; $(GO) test -run '^$$' -bench . -benchtime 1s -timeout 20m $(TESTFLAGS) ./storage/... ./bot/... ./alerts/... ./commands/... ./cmd/... \
	  | grep -vE '^(PASS|goos:|goarch:|\?)|[[:space:]]0\.[0-9]+s$$' | tee $(ARTIFACTS)/bench.txt
	@DREY_BENCH=$(ARTIFACTS)/bench.txt $(GO) test -C cmd/drey -count 1 -run '^TestFigures$$'

bench-peers: ## drey beside other tools doing the same work, in one run (about 8 minutes; needs node and npm, Alertmanager, redis-server)
	DREY_PEERS=1 $(GO) test -count 1 -v -run '^Test(Alert)?Peers$$' -timeout 20m $(TESTFLAGS) ./cmd/drey | grep -vE '^(=== |PASS|ok | *--- PASS)'

lint: ## golangci-lint, as pinned in .ci/tools/go.mod
	$(GO) tool -modfile=.ci/tools/go.mod golangci-lint run $(PACKAGES)

fmt: ## gofmt
	gofmt -w cmd bot commands platform alerts storage config

generate: ## write the references that are derived from the code
	$(GO) test ./commands ./config ./cmd/drey -run 'TestGenerated' -update

verify: ## fail on stale generated files, unformatted code, an untidy go.mod
	@test -z "$$(gofmt -l cmd bot commands platform alerts storage config)" || { gofmt -l cmd bot commands platform alerts storage config; exit 1; }
	$(GO) mod tidy -diff
	$(GO) test ./commands ./config ./cmd/drey -run 'TestGenerated'
	$(GO) test ./cmd/drey -run 'TestImportsGoDown|TestSizes|TestEveryPackageHasAComment|TestHosts'

release: ## binaries for Linux and macOS in bin/
	@mkdir -p bin
	@for t in linux/amd64 linux/arm64 darwin/arm64; do \
	  CGO_ENABLED=0 GOOS=$${t%/*} GOARCH=$${t#*/} $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/drey-$${t%/*}-$${t#*/} ./cmd/drey && echo bin/drey-$${t%/*}-$${t#*/}; done

clean: ## remove what make built
	rm -rf bin artifacts
