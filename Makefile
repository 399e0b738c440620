# What a contributor and CI run. `make` alone lists it all; what takes more than a line is a script in scripts/.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

LINT      := bin/golangci-lint
ATLAS     := bin/atlas
BENCH     ?= .
BENCHTIME ?= 1s
COUNT     ?= 1
FUZZTIME  ?= 30s
# The race detector needs a C compiler. CI does not go without; a machine that has only Go does, and says so.
RACE      := $(if $(CI),-race,$(shell command -v "$$(go env CC)" >/dev/null && echo -race))
# SQLite as Go is none of ours, and takes five times as long when it is watched.
RACE      := $(if $(RACE),$(RACE) -gcflags=modernc.org/...=-race=false)
# More flags for `go test`, as in: make test TESTFLAGS='-run TestIsolation -v'
TESTFLAGS ?=

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z\/]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: all
all: generate test lint verify ## Everything that CI runs, after generating the code

.PHONY: generate
generate: ## Run go generate in every module
	@scripts/each-module.sh go generate ./...

.PHONY: verify
verify: $(LINT) ## Fail when generated code, go.mod files or formatting are not up to date (changes nothing)
	@scripts/verify.sh

.PHONY: lint
lint: $(LINT) ## Run golangci-lint in every module
	@scripts/each-module.sh "$(CURDIR)/$(LINT)" run --config "$(CURDIR)/.golangci.yml" ./...

.PHONY: format
format: $(LINT) ## Format the code of every module
	@scripts/each-module.sh "$(CURDIR)/$(LINT)" fmt --config "$(CURDIR)/.golangci.yml" ./...

# Servers of its own because nearly every test makes a database; GOGC because a third of the time went to collecting garbage.
.PHONY: test
test: ## Run the tests of every module with the race detector
	@GOGC=400 go run -C internal/integration ./servers/own "$(CURDIR)/scripts/each-module.sh" go test $(RACE) -parallel=4 -timeout=20m $(TESTFLAGS) ./...
	@$(if $(RACE),,echo "skipped: the race detector, which needs a C compiler; install gcc")
	@cd internal/integration && go run ./servers/missing

.PHONY: test/slow
test/slow: ## Run them with the ones that take minutes (TENANCY_TEST_SLOW=1)
	@TENANCY_TEST_SLOW=1 scripts/each-module.sh go test $(RACE) -count=1 -timeout=60m $(TESTFLAGS) ./...

.PHONY: test/strip
test/strip: ## Take each point of enforcement out in turn and show which attack then succeeds
	@cd internal/integration && TENANCY_TEST_STRIP=1 go test -v -count=1 -timeout 60m -parallel 4 ./isolation/strip

.PHONY: bench
bench: ## Run the benchmarks (BENCH=regexp BENCHTIME=1s COUNT=1)
	@cd internal/integration && go test -run '^$$' -bench '$(BENCH)' -benchmem -benchtime '$(BENCHTIME)' -count '$(COUNT)' ./...

.PHONY: fuzz
fuzz: ## Run every fuzz test for FUZZTIME (30s)
	@scripts/fuzz.sh '$(FUZZTIME)'

.PHONY: services
services: ## Install and start PostgreSQL, MariaDB and Redis (Debian, Ubuntu)
	@scripts/services.sh

# Built here and not installed: everyone runs the version that tools/go.mod names, and no other module has its dependencies.
$(LINT): tools/go.mod tools/go.sum
	GOWORK=off go -C tools build -o ../$(LINT) github.com/golangci/golangci-lint/v2/cmd/golangci-lint

# The Atlas CLI, for the tests that go back and forth between it and the runner. It takes minutes to build, so nothing builds it
# unasked; tests use it where it is there. It is built without this repository's modules: it has two hundred dependencies of its own.
.PHONY: atlas
atlas: $(ATLAS) ## Build the Atlas CLI for the tests that use it

$(ATLAS): tools/atlas/go.mod tools/atlas/go.sum
	GOWORK=off go -C tools/atlas build -o ../../$(ATLAS) ariga.io/atlas/cmd/atlas
