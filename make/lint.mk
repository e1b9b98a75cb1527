# Formatting and static analysis. Generated code is left out.

LINT_SOURCES = $(foreach f,$(FOLDERS) $(addprefix tests/,$(FOLDERS) live support vm vm/programs),$(wildcard $(f)/*.c))
LINT_HEADERS = $(foreach f,$(FOLDERS) $(addprefix tests/,$(FOLDERS) live support vm vm/programs),$(wildcard $(f)/*.h))

# One flag per line: what clang-tidy and clangd compile with. Paths are from its folder.
$(BUILD)/compile_flags.txt: Makefile make/lint.mk VERSION $(BUILD)/packages.mk
	@printf '%s\n' -std=c11 -D_GNU_SOURCE '-DRINGSIDE_VERSION="$(VERSION)"' '-DDESCRIPTOR_SET_PATH="$(abspath $(DESCRIPTOR_SET))"' \
		-I$(CURDIR) -I$(abspath $(GENERATED)) $(PKG_CFLAGS) >$@

.PHONY: format lint
format: ## format all C files in place
	clang-format -i $(LINT_SOURCES) $(LINT_HEADERS)

lint: deps-lint $(BUILD)/packages.mk $(PROTO_H) $(SYSCALL_TABLE) $(DESCRIPTOR_SET) $(BUILD)/compile_flags.txt ## clang-format, clang-tidy and cppcheck, and a build with clang
	clang-format --dry-run -Werror $(LINT_SOURCES) $(LINT_HEADERS)
	cppcheck --quiet --error-exitcode=1 --inline-suppr --std=c11 --enable=warning,portability,performance \
		--suppressions-list=.cppcheck --include=make/cppcheck.h -I. $(foreach f,$(FOLDERS),$(f))
	printf '%s\n' $(foreach f,$(FOLDERS),$(wildcard $(f)/*.c)) | xargs -P 2 -n 6 clang-tidy --quiet -p $(BUILD)
	$(MAKE) --no-print-directory BUILD=build/clang CC=clang OPTIMIZE=-O0 build/clang/ringside
