# ringside: build, test and install. `make help` lists the goals.
#
# One archive per folder, in the order of the data path. A folder may use the archives to its left, never those to its right:
# its unit tests link with exactly the archives at or below it, so that a call upwards fails to link.

FOLDERS := base tracing container sensor subscription proto recorder service runtime cli

# Debian 12 packages, by what needs them.
PACKAGES_BUILD := gcc make pkg-config libc6-dev linux-libc-dev libtracefs-dev libtraceevent-dev libelf-dev zlib1g-dev libjansson-dev libuv1-dev uthash-dev \
	libxxhash-dev libzstd-dev libprotobuf-dev libprotobuf-c-dev protobuf-c-compiler protobuf-compiler libgrpc-dev libcurl4-openssl-dev
PACKAGES_CHECK := libcriterion-dev runc crun busybox-static docker.io containerd podman conmon
PACKAGES_CLIENTS := nodejs npm
PACKAGES_LINT := clang clang-format clang-tidy cppcheck
PACKAGES_BENCH := linux-perf bpftrace trace-cmd strace
PACKAGES_INSTRUCTIONS := valgrind
PACKAGES_KERNELS := qemu-system-x86 busybox-static cpio debian-archive-keyring
LIBRARIES := libtracefs libtraceevent libelf zlib jansson libuv libxxhash libzstd libprotobuf-c libcurl

PREFIX ?= /usr/local
DESTDIR ?=
VERSION := $(shell cat VERSION)

# `make asan check` and `make tsan` build the same sources into a folder of their own.
VARIANT := $(firstword $(filter asan tsan,$(MAKECMDGOALS)))
BUILD := build$(if $(VARIANT),/$(VARIANT))
SANITIZE_asan := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
SANITIZE_tsan := -fsanitize=thread -fno-omit-frame-pointer
SANITIZE := $(if $(VARIANT),$(SANITIZE_$(VARIANT)))

# `make V=1` shows the commands.
Q := $(if $(V),,@)
say = @printf '  %-8s %s\n' $(1) $(2)

CC := $(if $(filter default undefined,$(origin CC)),gcc,$(CC))
OPTIMIZE ?= -O2
WARNINGS := -Wall -Wextra -Wpedantic -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wvla
CFLAGS ?= -g
CPPFLAGS_ALL = -D_GNU_SOURCE -DRINGSIDE_VERSION='"$(VERSION)"' -I. -I$(BUILD)/generated $(CPPFLAGS) $(PKG_CFLAGS)
CFLAGS_ALL = -std=c11 $(OPTIMIZE) $(CFLAGS) $(WARNINGS) -fstack-protector-strong $(SANITIZE)
LDFLAGS_ALL = $(SANITIZE) $(LDFLAGS)

.PHONY: all
all: $(BUILD)/ringside

include make/deps.mk
include make/generate.mk
include make/build.mk
include make/kernels.mk
include make/check.mk
include make/bench.mk
include make/lint.mk
include make/fuzz.mk

.PHONY: run
run: deps all ## install what is missing, build, start the sensor and show live events
	./scripts/run $(BUILD)/ringside

.PHONY: docs
docs: all ## write docs/EVENTS.md from the catalog of events
	$(BUILD)/ringside events -o markdown >docs/EVENTS.md.new && mv docs/EVENTS.md.new docs/EVENTS.md

.PHONY: install
install: all ## install to $(DESTDIR)$(PREFIX)
	install -D -m 0755 $(BUILD)/ringside $(DESTDIR)$(PREFIX)/bin/ringside
	for p in $(PROTO_FILES); do install -D -m 0644 proto/$$p $(DESTDIR)$(PREFIX)/share/ringside/proto/$$p || exit 1; done
	install -D -m 0644 -t $(DESTDIR)$(PREFIX)/share/doc/ringside README.md NEWS LICENSE docs/ARCHITECTURE.md docs/EVENTS.md docs/QUERIES.md docs/RECORD_FORMAT.md docs/PERFORMANCE.md docs/TUNING.md

.PHONY: asan tsan
asan: all ## build with AddressSanitizer and UndefinedBehaviorSanitizer; `make asan check` also runs the tests with it
tsan: all check-threads ## build with ThreadSanitizer and run the tests of what crosses threads

.PHONY: clean
clean: ## remove everything that was built
	rm -rf build tests/clients/node_modules

.PHONY: help
help: ## this list
	@grep -hE '^[a-z-]+:.*##' Makefile make/*.mk | sed -E 's/^([a-z-]+):.*## */\1\t/' | sort | awk -F'\t' '{printf "  %-14s %s\n", $$1, $$2}'
