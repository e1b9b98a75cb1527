# What has to be on the machine, installed by package name. Nothing is downloaded when nothing is missing.

# $(call install_missing,PACKAGES): installs those that dpkg does not know as installed.
define install_missing
@missing=; for p in $(1); do \
	dpkg-query -W -f='$${db:Status-Status}' $$p 2>/dev/null | grep -qx installed || missing="$$missing $$p"; done; \
if [ -n "$$missing" ]; then \
	if [ "$$(id -u)" != 0 ]; then echo "missing packages:$$missing; run 'sudo make deps' once" >&2; exit 1; fi; \
	echo "installing:$$missing"; apt-get update -qq || true; \
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing; fi
endef

.PHONY: deps deps-check deps-clients deps-lint deps-bench deps-instructions deps-kernels
deps: ## install the Debian packages that the build needs (as root)
	$(call install_missing,$(PACKAGES_BUILD))

deps-check: deps
	$(call install_missing,$(PACKAGES_CHECK))

# A node that is there already, from wherever it came, is good enough.
deps-clients:
	@if ! command -v npm >/dev/null; then $(MAKE) --no-print-directory deps-node; fi

.PHONY: deps-node
deps-node:
	$(call install_missing,$(PACKAGES_CLIENTS))

deps-lint: deps-check
	$(call install_missing,$(PACKAGES_LINT))

deps-bench: deps
	$(call install_missing,$(PACKAGES_BENCH))

deps-instructions: deps
	$(call install_missing,$(PACKAGES_INSTRUCTIONS))

deps-kernels: deps
	$(call install_missing,$(PACKAGES_KERNELS))

# pkg-config runs once, not once per file: make writes this file, which needs the packages, and then reads it.
ifeq ($(filter clean help format deps,$(MAKECMDGOALS)),)
-include $(BUILD)/packages.mk
endif

$(BUILD)/packages.mk: Makefile make/deps.mk
	$(call install_missing,$(PACKAGES_BUILD))
	@mkdir -p $(@D)
	@printf 'PKG_CFLAGS := %s\nPKG_LIBS := -lgrpc -lgpr %s\n' "$$(pkg-config --cflags $(LIBRARIES) | sed 's/-I/-isystem /g')" "$$(pkg-config --libs $(LIBRARIES))" >$@
