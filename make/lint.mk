# Formatting and static analysis. Generated code is left out.

LINT_SOURCES = $(foreach f,$(FOLDERS) $(addprefix tests/,$(FOLDERS) live support),$(wildcard $(f)/*.c))
LINT_HEADERS = $(foreach f,$(FOLDERS) $(addprefix tests/,$(FOLDERS) live support),$(wildcard $(f)/*.h))

.PHONY: format lint
format: ## format all C files in place
	clang-format -i $(LINT_SOURCES) $(LINT_HEADERS)

lint: deps-lint $(PROTO_H) $(SYSCALL_TABLE) $(DESCRIPTOR_SET) ## clang-format, clang-tidy and cppcheck, and a build with clang
	clang-format --dry-run -Werror $(LINT_SOURCES) $(LINT_HEADERS)
	cppcheck --quiet --error-exitcode=1 --inline-suppr --std=c11 --enable=warning,portability,performance \
		--suppressions-list=.cppcheck -I. $(foreach f,$(FOLDERS),$(f))
	printf '%s\n' $(foreach f,$(FOLDERS),$(wildcard $(f)/*.c)) | \
		xargs -P 2 -n 4 clang-tidy --quiet -- -std=c11 $(CPPFLAGS_ALL) -DDESCRIPTOR_SET_PATH='"$(DESCRIPTOR_SET)"'
	$(MAKE) --no-print-directory BUILD=build/clang CC=clang build/clang/ringside
