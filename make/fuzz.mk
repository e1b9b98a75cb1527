# Fuzzing with libFuzzer. tests/fuzz/NAME_fuzz.c is a target; its seeds are the files of tests/fuzz/corpus/NAME/ and of FUZZ_SEEDS_NAME. What a
# run finds to be interesting goes to a directory of its own and is thrown away; what it finds to be wrong stays in build/fuzz/.

FUZZ_SECONDS ?= 10
FUZZ := $(BUILD)/fuzz
FUZZ_CC ?= clang
FUZZ_FOLDERS := base tracing container sensor subscription proto recorder runtime
FUZZ_SANITIZE := address,undefined
FUZZ_CFLAGS := -std=c11 -g -O1 -fno-omit-frame-pointer -fno-sanitize-recover=undefined
FUZZ_NAMES := $(patsubst tests/fuzz/%_fuzz.c,%,$(wildcard tests/fuzz/*_fuzz.c))
FUZZ_TARGETS := $(addprefix $(FUZZ)/,$(addsuffix _fuzz,$(FUZZ_NAMES)))

FUZZ_SEEDS_format := tests/data/formats
FUZZ_SEEDS_recording := tests/data/recordings

FUZZ_OBJECTS := $(foreach f,$(FUZZ_FOLDERS),$(patsubst %.c,$(FUZZ)/objects/%.o,$(wildcard $(f)/*.c))) \
	$(patsubst $(GENERATED)/%.c,$(FUZZ)/objects/generated/%.o,$(PROTO_C))

$(FUZZ)/objects/%.o: %.c $(BUILD)/packages.mk | $(PROTO_H) $(SYSCALL_TABLE)
	@mkdir -p $(@D)
	$(call say,FUZZCC,$<)
	$(Q)$(FUZZ_CC) $(CPPFLAGS_ALL) $(FUZZ_CFLAGS) $(WARNINGS) -fsanitize=fuzzer-no-link,$(FUZZ_SANITIZE) -MMD -MP -c -o $@ $<

$(FUZZ)/objects/generated/%.o: $(GENERATED)/%.c | $(PROTO_H)
	@mkdir -p $(@D)
	$(call say,FUZZCC,$<)
	$(Q)$(FUZZ_CC) $(CPPFLAGS_ALL) $(FUZZ_CFLAGS) -w -fsanitize=fuzzer-no-link,$(FUZZ_SANITIZE) -MMD -MP -c -o $@ $<

$(FUZZ)/objects/proto/descriptor_set.o: $(DESCRIPTOR_SET)
$(FUZZ)/objects/proto/descriptor_set.o: CPPFLAGS_ALL += -DDESCRIPTOR_SET_PATH='"$(DESCRIPTOR_SET)"'

$(FUZZ)/libfuzzed.a: $(FUZZ_OBJECTS)
	@rm -f $@
	$(call say,AR,$@)
	$(Q)$(AR) rcs $@ $^

$(FUZZ)/%_fuzz: tests/fuzz/%_fuzz.c $(FUZZ)/libfuzzed.a
	$(call say,FUZZCC,$@)
	$(Q)$(FUZZ_CC) $(CPPFLAGS_ALL) $(FUZZ_CFLAGS) $(WARNINGS) -fsanitize=fuzzer,$(FUZZ_SANITIZE) -o $@ $< $(FUZZ)/libfuzzed.a \
		-Wl,--as-needed $(PKG_LIBS) -lm -lpthread

# libFuzzer adds to the first of its directories only. `make fuzz` goes on after a finding and fails in the end.
.PHONY: fuzz $(addprefix fuzz-,$(FUZZ_NAMES))
fuzz: deps-lint $(FUZZ_TARGETS) ## run every fuzz target for FUZZ_SECONDS (10)
	@failed=; for name in $(FUZZ_NAMES); do $(MAKE) --no-print-directory fuzz-$$name || failed="$$failed $$name"; done; \
	if [ -n "$$failed" ]; then echo "found something:$$failed" >&2; exit 1; fi

$(addprefix fuzz-,$(FUZZ_NAMES)): fuzz-%: $(FUZZ)/%_fuzz
	$(call say,FUZZ,$*)
	@new=$$(mktemp -d) && trap 'rm -rf "$$new"' EXIT && LSAN_OPTIONS=suppressions=tests/fuzz/lsan.supp:print_suppressions=0 $(FUZZ)/$*_fuzz -max_total_time=$(FUZZ_SECONDS) -timeout=10 -rss_limit_mb=2048 \
		-artifact_prefix=$(FUZZ)/$*- -verbosity=$(if $(V),1,0) -print_final_stats=1 "$$new" \
		$(wildcard tests/fuzz/corpus/$*) $(FUZZ_SEEDS_$*) >$(FUZZ)/$*.log 2>&1 || { tail -n 60 $(FUZZ)/$*.log >&2; exit 1; }; \
	sed -n 's/^stat::number_of_executed_units: */           executed: /p' $(FUZZ)/$*.log

-include $(shell find $(FUZZ)/objects -name '*.d' 2>/dev/null)
