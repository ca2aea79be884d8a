# `make` alone lists the targets.
.DEFAULT_GOAL := help
.NOTPARALLEL:

# Passes what the user typed unchanged: $(value …) keeps a $ in a file name, and the environment brings it to
# the script, so that no shell executes it.
override VIDEO := $(value VIDEO)
override OUT := $(value OUT)
PROFILE ?= local
FUZZ_SECONDS ?= 15
export VIDEO OUT PROFILE
# Otherwise every make that a build script starts would get the same text unquoted.
unexport MAKEFLAGS MFLAGS MAKEOVERRIDES

# The functions, and the programs of the FFmpeg layer, for the tests.
RELEASE := $(or $(CARGO_TARGET_DIR),target)/release
LAYER := $(CURDIR)/target/layer/$(if $(filter aarch64 arm64,$(shell uname -m)),arm64,x86_64)/opt/bin

# CI must use the lock file as it was committed.
LOCKED := $(if $(CI),--locked)
# A CI run starts from nothing. It would write some 12 GB of incremental state and never read it.
ifdef CI
export CARGO_INCREMENTAL := 0
endif

.PHONY: help
help: ## lists the targets
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/\1\t\2/p' $(MAKEFILE_LIST) | while IFS="$$(printf '\t')" read -r target text; do \
	    printf '  %-10s %s\n' "$$target" "$$text"; done

.PHONY: setup
setup: ## installs what run and test need: FFmpeg, a C compiler, the Python tools in .tools
	@scripts/setup-build
	@scripts/setup-ffmpeg
	@scripts/setup-tools

.PHONY: run
run: ## previews of one video, no AWS: make run VIDEO='my film.mp4' OUT=previews (default: a test picture)
	@scripts/run-video

# Tests are selected by `--workspace --test NAME`, never by package: another set of packages has other features, so
# all dependencies would be compiled again.
.PHONY: test
test: setup layer build ## all checks: format, lints, tests with both FFmpegs, docs, template, sam local, fuzzing
	cargo fmt --all --check
	cargo metadata $(LOCKED) --format-version 1 --manifest-path fuzz/Cargo.toml > /dev/null
	scripts/check-template
	cargo clippy $(LOCKED) --workspace --all-targets -- -D warnings
	cargo test $(LOCKED) --workspace
	GIFGEN_ETAGS=opaque cargo test $(LOCKED) --workspace --test runs --test remote -- --skip soak \
	    --skip many --skip stops
	FFMPEG=$(LAYER)/ffmpeg FFPROBE=$(LAYER)/ffprobe GIFGEN_TROUBLE=25 cargo test $(LOCKED) --workspace \
	    --test pipeline --test truth -- --skip channels:: --skip endings:: --skip replay:: --skip template:: \
	    --skip words:: --skip once_wrong
	GIFGEN_FUNCTIONS=$(RELEASE) FFMPEG=$(LAYER)/ffmpeg FFPROBE=$(LAYER)/ffprobe cargo test $(LOCKED) --workspace \
	    --test rie --test under_lambda --test captured --test memory
	PROFILE=dev scripts/sam-local --all
	scripts/fuzz $(FUZZ_SECONDS)
	RUSTDOCFLAGS='-D warnings' cargo doc $(LOCKED) --workspace --no-deps

.PHONY: test-long
test-long: setup layer build ## tests that take hours: 200 schedules of faults, 1,000 slices, all tests with the layer's FFmpeg, sam build
	GIFGEN_SOAK_SEEDS=200 GIFGEN_MANY_SLICES=1000 cargo test $(LOCKED) --workspace --test runs
	GIFGEN_ETAGS=opaque GIFGEN_SOAK_SEEDS=200 cargo test $(LOCKED) --workspace --test runs soak
	GIFGEN_ETAGS=opaque cargo test $(LOCKED) --workspace --test runs stops
	GIFGEN_ETAGS=opaque cargo test $(LOCKED) --workspace --test excerpts
	GIFGEN_CASES=all GIFGEN_TROUBLE=3000 cargo test $(LOCKED) --workspace --test truth
	GIFGEN_CASES=all GIFGEN_TROUBLE=3000 FFMPEG=$(LAYER)/ffmpeg FFPROBE=$(LAYER)/ffprobe \
	    cargo test $(LOCKED) --workspace --test truth
	FFMPEG=$(LAYER)/ffmpeg FFPROBE=$(LAYER)/ffprobe cargo test $(LOCKED) --workspace
	PROFILE=dev scripts/sam-local --sam-build events/slice.json
	scripts/fuzz 600

.PHONY: template
template: ## checks template.yaml only
	@scripts/setup-tools
	scripts/check-template

.PHONY: bench
bench: ## runs the benchmarks
	@scripts/setup-build
	@scripts/setup-ffmpeg
	cargo bench $(LOCKED) --no-fail-fast -p gifgen-benches

.PHONY: build
build: ## builds the two functions, small and stripped: target/release/splitter and worker
	@scripts/setup-build
	cargo build $(LOCKED) --release -p gifgen-splitter -p gifgen-worker

.PHONY: layer
layer: ## builds the FFmpeg layer from source: target/layer/ffmpeg-x86_64.zip (ARCH=arm64: with a cross compiler)
	@layer/build

.PHONY: fmt
fmt: ## formats the code
	cargo fmt --all

.PHONY: clean
clean: ## removes build results, but not .tools and previews
	cargo clean
	cargo clean --manifest-path fuzz/Cargo.toml
	rm -rf .aws-sam
