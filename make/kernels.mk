# Tests in virtual machines: the sensor under Debian's kernels, see scripts/check-kernels. tests/vm/*.c is the program of scenarios that runs
# there, tests/vm/programs/ and tests/load/ are what it starts.

# 5.10 (bullseye), 6.1 (bookworm), 6.12 (trixie) and the newest that Debian has.
KERNELS ?= 5.10 6.1 6.12 newest
# Those of `make check`. A sanitizer would need more memory and time than a guest has.
CHECK_KERNELS ?= $(if $(VARIANT),,5.10 6.1)
# The virtual machines need no root, but what they are made of has to be installed.
DEPS_CHECK_KERNELS = $(if $(CHECK_KERNELS),$(if $(filter 0,$(shell id -u)),deps-kernels))

VM_OBJECTS := $(patsubst %.c,$(BUILD)/objects/%.o,$(wildcard tests/vm/*.c tests/expressions/*.c))
VM_PROGRAMS := $(patsubst tests/vm/programs/%.c,$(BUILD)/tests/vm/%,$(wildcard tests/vm/programs/*.c)) $(BUILD)/tests/vm/short_lived_dynamic \
	$(BUILD)/tests/vm/called
SCENARIOS := $(BUILD)/tests/vm/scenarios
# What a guest gets: all of tests/vm/, and of tests/load/ what scripts/check-kernels names.
VM_FILES = $(BUILD)/ringside $(SCENARIOS) $(VM_PROGRAMS) $(addprefix $(BUILD)/tests/load/,exit_ways call32)

$(SCENARIOS): $(VM_OBJECTS) $(foreach f,service proto subscription sensor container tracing base,$(BUILD)/lib$(f).a)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $(VM_OBJECTS) $(foreach f,service proto subscription sensor container tracing base,$(BUILD)/lib$(f).a) \
		-Wl,--as-needed $(PKG_LIBS) -lm -lpthread

# They need nothing but the kernel, and are what is watched: static, and no sanitizer in them.
$(BUILD)/tests/vm/%: tests/vm/programs/%.c | $(BUILD)/packages.mk
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) -std=c11 -D_GNU_SOURCE -O2 $(WARNINGS) -static -o $@ $<

$(BUILD)/tests/vm/%_dynamic: tests/vm/programs/%.c | $(BUILD)/packages.mk
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) -std=c11 -D_GNU_SOURCE -O2 $(WARNINGS) -o $@ $<

# A 32-bit program without libc, as tests/load/call32.
$(BUILD)/tests/vm/open32: tests/vm/programs/open32.c | $(BUILD)/packages.mk
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) -std=c11 -O2 $(WARNINGS) -m32 -ffreestanding -fno-pie -fno-stack-protector -fno-asynchronous-unwind-tables -nostdlib -static -o $@ $<

# The functions of one program are probed on this host and in the guests.
$(BUILD)/tests/vm/called: tests/probed/called.c | $(BUILD)/packages.mk
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(PROBED_CFLAGS) -static -o $@ $<

.PHONY: check-kernels
check-kernels: deps-kernels $(VM_FILES) ## run the sensor's scenarios in virtual machines with Debian's kernels; KERNELS="5.10 6.1 6.12 newest"
	$(Q)./scripts/check-kernels $(BUILD) $(KERNELS)

.PHONY: capture-kernels
capture-kernels: deps-kernels ## capture formats, symbols and tracefs's README of the kernels into tests/data/
	$(Q)./scripts/capture-kernels $(KERNELS)
