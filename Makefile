# Sarraf. `make help` lists the targets. Nothing but `make setup` needs a network, once the modules have been fetched.
SHELL := bash
GO ?= go

.PHONY: help setup test race crash prove hostile fuzz bench lint generate build

help: ## Show the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/\1\t\2/' | expand -t 12

setup: ## Install what the tests need (Debian's postgresql, chromium, php-cli, nodejs, python3) and fetch the Go modules
	@./internal/setup.sh
	@$(GO) mod download

test: setup ## The whole suite on SQLite and PostgreSQL, with the pages in Chromium
	$(GO) vet ./...
	$(GO) test -timeout 25m ./...

race: setup ## The whole suite under the race detector
	$(GO) test -race -timeout 60m ./...

# How often something is killed in each test, and how long a test may go on at most. CRASH_SEED repeats the chances of a run.
CRASH_CYCLES ?= 100
CRASH_BUDGET ?= 15m
crash: setup ## Kill the program, its database and its nodes under load, CRASH_CYCLES (100) times each
	CRASH_CYCLES=$(CRASH_CYCLES) CRASH_BUDGET=$(CRASH_BUDGET) $(GO) test -count=1 -timeout 0 -v -run 'Killed|TwoNodes' ./cmd/sarraf

# How long each test of wallets by chance goes on, in seconds, on each engine.
WALLET_SECONDS ?= 30
prove: setup ## Wallets that many spend from at once on two nodes, WALLET_SECONDS (30) each test and engine
	WALLET_SECONDS=$(WALLET_SECONDS) $(GO) test -count=1 -timeout 0 -v -run 'AtOnce|OneAfterAnother|OnTwoClocks|NoMore|Guess|Broken' ./wallet

hostile: setup ## The whole corpus of hostile requests to every route, on each engine
	SARRAF_HOSTILE_ALL=1 $(GO) test -count=1 -timeout 0 -v -run 'EveryRouteWithstands' ./cmd/sarraf

# Each fuzz target for this long.
FUZZTIME ?= 30s
fuzz: ## Every fuzz target, FUZZTIME (30s) each
	@set -e; for p in $$($(GO) list ./...); do \
	  for f in $$($(GO) test -list '^Fuzz' $$p | grep '^Fuzz' || true); do \
	    echo "== $$p $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) $$p; done; done

# For instance: make bench BENCH="--engine sqlite --seconds 3"
BENCH ?=
bench: ## Measure Sarraf over HTTP beside the raw limit of each engine, in one run
	$(GO) run ./bench $(BENCH)

lint: ## golangci-lint, pinned in tools/go.mod
	$(GO) tool -modfile=tools/go.mod golangci-lint run

generate: ## Make the Go code of the page templates anew
	$(GO) tool templ generate

build: ## Build the one static binary, bin/sarraf
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/sarraf ./cmd/sarraf
