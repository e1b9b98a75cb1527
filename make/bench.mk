# Benchmarks: programs of tests/bench/, scripts of scripts/bench/. All but the instructions want a machine that does nothing else.

BENCH := $(BUILD)/tests/bench
bench_objects = $(addprefix $(BUILD)/objects/tests/bench/,$(addsuffix .o,$(1)))
bench_archives = $(foreach f,$(1),$(BUILD)/lib$(f).a)

$(BENCH)/matching: $(call bench_objects,matching) $(call bench_archives,subscription sensor container tracing base)
$(BENCH)/containers: $(call bench_objects,containers crowd measure stream) $(call bench_archives,proto subscription sensor container tracing base)
$(BENCH)/containers_start: $(call bench_objects,containers_start crowd measure sleepers) $(call bench_archives,base)
$(BENCH)/recording: $(call bench_objects,recording measure) $(call bench_archives,recorder proto subscription sensor container tracing base)
$(BENCH)/pipeline: $(call bench_objects,pipeline measure) $(call bench_archives,proto subscription sensor container tracing base)
$(BENCH)/sleeping: $(call bench_objects,sleeping crowd measure sleepers) $(call bench_archives,base)
$(BENCH)/subscribers: $(call bench_objects,subscribers latency measure) \
	$(call bench_archives,cli runtime service recorder proto subscription sensor container tracing base)
$(addprefix $(BENCH)/,matching containers containers_start recording pipeline sleeping subscribers):
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ -Wl,--as-needed $(PKG_LIBS) -lm -lpthread

.PHONY: bench bench-soak bench-matching bench-containers bench-recorder check-instructions
bench: deps-bench all $(BENCH)/subscribers $(BENCH)/sleeping $(LOADS) ## measure ringside beside perf, bpftrace, trace-cmd and strace: docs/PERFORMANCE.md (as root)
	$(Q)./scripts/bench/run $(BUILD)

bench-soak: all $(BENCH)/subscribers $(LOADS) ## half an hour of 100,000 events per second, while processes and clients come and go (as root)
	$(Q)./scripts/bench/soak $(BUILD)

bench-matching: $(BENCH)/matching ## measure filters, and many subscriptions
	$(Q)$<

# The second part is about the real sensor on real processes, and skips itself without root.
bench-containers: $(BENCH)/containers $(BENCH)/containers_start all ## measure what containers cost
	$(Q)$(BENCH)/containers
	$(Q)$(BENCH)/containers_start $(BUILD)/ringside

# Needs root, perf, and room for 10 GiB below $$TMPDIR.
bench-recorder: deps-bench all $(BENCH)/recording $(LOADS) ## measure the recorder beside perf record, perf script and zstd (as root)
	$(Q)./scripts/bench/recorder $(BUILD)

check-instructions: deps-instructions $(BENCH)/pipeline ## count the instructions that an event takes, and hold them against tests/data/instructions.txt
	$(Q)./scripts/check-instructions $(BUILD)
