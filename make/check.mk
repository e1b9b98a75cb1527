# Tests. tests/FOLDER/*_test.c are the unit tests of a folder: one program, run without root. tests/live/ needs root and a kernel with
# tracefs; tests/clients/ are third-party clients from npm against the real sensor, under the loads of tests/load/.

# ThreadSanitizer and Criterion's runner want the same addresses: there, our own runner stands in front of libcriterion.
PLAIN_RUNNER := tests/support/plain_runner.c
SUPPORT_SOURCES := $(if $(filter tsan,$(VARIANT)),$(PLAIN_RUNNER)) $(filter-out $(PLAIN_RUNNER),$(wildcard tests/support/*.c))
CHECK_LIBS = -lcriterion

# $(call test_rules,NAME,ARCHIVES,WHOLE): the program of tests/NAME/, linked with ARCHIVES, all of WHOLE in it.
# tests/expressions/ (random expressions and what they mean) is shared by those that have subscription/.
EXPRESSION_TESTS := subscription proto recorder service cli live

define test_rules
TEST_OBJECTS_$(1) := $$(patsubst %.c,$$(BUILD)/objects/%.o,$$(wildcard tests/$(1)/*.c) $$(SUPPORT_SOURCES) \
	$$(if $$(filter $(1),$(EXPRESSION_TESTS)),$$(wildcard tests/expressions/*.c)))
$$(BUILD)/tests/$(1): $$(TEST_OBJECTS_$(1)) $$(foreach f,$(2),$$(BUILD)/lib$$(f).a)
	@mkdir -p $$(@D)
	$$(call say,LINK,$$@)
	$$(Q)$$(CC) $$(LDFLAGS_ALL) -o $$@ $$(TEST_OBJECTS_$(1)) $$(if $(3),-Wl$$(comma)--whole-archive $$(BUILD)/lib$(3).a -Wl$$(comma)--no-whole-archive) \
		$$(foreach f,$(2),$$(BUILD)/lib$$(f).a) -Wl,--as-needed $$(PKG_LIBS) $$(CHECK_LIBS) -lm -lpthread
endef
comma := ,
$(eval $(call test_rules,base,base,base))
$(eval $(call test_rules,tracing,tracing base,tracing))
$(eval $(call test_rules,container,container base,container))
$(eval $(call test_rules,sensor,sensor container tracing base,sensor))
$(eval $(call test_rules,subscription,subscription sensor container tracing base,subscription))
$(eval $(call test_rules,proto,proto subscription sensor container tracing base,proto))
$(eval $(call test_rules,recorder,recorder proto subscription sensor container tracing base,recorder))
$(eval $(call test_rules,service,service recorder proto subscription sensor container tracing base,service))
$(eval $(call test_rules,runtime,runtime service recorder proto subscription sensor container tracing base,runtime))
$(eval $(call test_rules,cli,cli runtime service recorder proto subscription sensor container tracing base,cli))
$(eval $(call test_rules,live,cli runtime service recorder proto subscription sensor container tracing base,))

UNIT_TESTS := $(foreach f,$(FOLDERS),$(if $(wildcard tests/$(f)/*_test.c),$(BUILD)/tests/$(f)))
LIVE_TESTS := $(if $(wildcard tests/live/*_test.c),$(BUILD)/tests/live)
# What crosses threads: chunks and logs, containers' facts, outboxes, the engine and the servers, the clients of runtimes.
THREAD_TESTS := $(filter $(addprefix $(BUILD)/tests/,base container subscription recorder service runtime),$(UNIT_TESTS))

$(BUILD)/objects/tests/%.o: CPPFLAGS_ALL += -DRINGSIDE_BINARY='"$(abspath $(BUILD))/ringside"' -DTEST_DATA='"$(abspath tests/data)"' \
	-DTEST_PROBED='"$(abspath $(BUILD))/tests/probed"' \
	-DDESCRIPTOR_SET_PATH='"$(abspath $(DESCRIPTOR_SET))"'
$(BUILD)/objects/tests/%.o: | $(DESCRIPTOR_SET)

# Programs that make load. They are what is watched: no sanitizer in them.
LOADS := $(addprefix $(BUILD)/tests/load/,syscall_flood fork_storm open_storm exit_ways calls doings call32 without_filters slow_sync.so)
$(BUILD)/tests/load/%: tests/load/%.c | $(BUILD)/packages.mk
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) -std=c11 -D_GNU_SOURCE -O2 $(WARNINGS) -o $@ $< -lpthread

$(BUILD)/tests/load/slow_sync.so: tests/load/slow_sync.c | $(BUILD)/packages.mk
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) -std=c11 -D_GNU_SOURCE -O2 $(WARNINGS) -fPIC -shared -o $@ $<

# A 32-bit program without libc: gcc and binutils for x86-64 make it without any 32-bit package.
$(BUILD)/tests/load/call32: tests/load/call32.c | $(BUILD)/packages.mk
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) -std=c11 -O2 $(WARNINGS) -m32 -ffreestanding -fno-pie -fno-stack-protector -fno-asynchronous-unwind-tables -nostdlib -static -o $@ $<

# Programs and libraries that symbols are looked up in, and that uprobes are put into: plain ones, and a program whose symbols stand in
# .debug/ beside it.
PROBED := $(BUILD)/tests/probed
PROBED_FILES := $(addprefix $(PROBED)/,program program.fixed program.stripped program32 called called.fixed library.so library.stripped.so)
PROBED_CFLAGS := -std=c11 -D_GNU_SOURCE -O2 $(WARNINGS) -fcf-protection=none

$(PROBED)/program $(PROBED)/called: $(PROBED)/%: tests/probed/%.c | $(BUILD)/packages.mk
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(PROBED_CFLAGS) -fPIE -pie -o $@ $<

$(PROBED)/program.fixed $(PROBED)/called.fixed: $(PROBED)/%.fixed: tests/probed/%.c | $(BUILD)/packages.mk
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(PROBED_CFLAGS) -fno-pie -no-pie -static -o $@ $<

$(PROBED)/program32: tests/probed/program32.c | $(BUILD)/packages.mk
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(PROBED_CFLAGS) -m32 -ffreestanding -fno-pie -no-pie -fno-asynchronous-unwind-tables -nostdlib -static -o $@ $<

$(PROBED)/library.so: tests/probed/library.c tests/probed/library_second.c tests/probed/library.map | $(BUILD)/packages.mk
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(PROBED_CFLAGS) -fPIC -shared -Wl,--build-id,--version-script=tests/probed/library.map -o $@ $(filter %.c,$^)

$(PROBED)/%.stripped.so: $(PROBED)/%.so
	$(Q)strip -o $@ $<

# Without a build id, so that the link's name and checksum are all there is to go by.
$(PROBED)/program.stripped: tests/probed/program.c | $(BUILD)/packages.mk
	@mkdir -p $(@D)/.debug
	$(call say,CC,$@)
	$(Q)$(CC) $(PROBED_CFLAGS) -fPIE -pie -Wl,--build-id=none -o $@.whole $<
	$(Q)objcopy --only-keep-debug $@.whole $(@D)/.debug/program.debug
	$(Q)strip -o $@ $@.whole && rm $@.whole
	$(Q)objcopy --add-gnu-debuglink=$(@D)/.debug/program.debug $@

$(BUILD)/tests/tracing $(BUILD)/tests/live: | $(PROBED_FILES)

.PHONY: check check-unit check-live check-clients check-threads
check: deps-check deps-clients $(DEPS_CHECK_KERNELS) all $(UNIT_TESTS) $(LIVE_TESTS) $(LOADS) $(if $(CHECK_KERNELS),$(VM_FILES)) ## run all tests; without root, the unit tests
	$(Q)./scripts/check $(BUILD) $(UNIT_TESTS) -- $(LIVE_TESTS) -- $(CHECK_KERNELS)

check-unit: deps-check $(UNIT_TESTS) ## run the tests that need no privileges
	$(Q)./scripts/check $(BUILD) --unit $(UNIT_TESTS) --

check-live: deps-check all $(LIVE_TESTS)
	$(Q)./scripts/check $(BUILD) --live -- $(LIVE_TESTS)

check-clients: deps-clients all $(LOADS)
	$(Q)./scripts/check $(BUILD) --clients --

check-threads: deps-check $(THREAD_TESTS)
	$(Q)./scripts/check $(BUILD) --unit $(THREAD_TESTS) --

.PRECIOUS: $(BUILD)/objects/tests/%.o
$(UNIT_TESTS) $(LIVE_TESTS): | deps-check
$(LIVE_TESTS): $(BUILD)/ringside
