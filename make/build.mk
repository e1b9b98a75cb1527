# Archives and the binary.

define folder_rules
SOURCES_$(1) := $$(wildcard $(1)/*.c)
OBJECTS_$(1) := $$(patsubst %.c,$$(BUILD)/objects/%.o,$$(SOURCES_$(1)))
$$(BUILD)/lib$(1).a: $$(OBJECTS_$(1))
endef
$(foreach f,$(FOLDERS),$(eval $(call folder_rules,$(f))))

# The generated code belongs to proto/.
OBJECTS_generated := $(patsubst $(GENERATED)/%.c,$(BUILD)/objects/generated/%.o,$(PROTO_C))
$(BUILD)/libproto.a: $(OBJECTS_generated)

# main() stands in cli/ and in no archive, so that tests can link the rest.
MAIN := $(BUILD)/objects/cli/main.o
$(BUILD)/libcli.a: $(filter-out $(MAIN),$(OBJECTS_cli))

ARCHIVES := $(foreach f,$(FOLDERS),$(BUILD)/lib$(f).a)
# Linked from right to left.
LINK_ARCHIVES := $(foreach f,cli runtime service recorder proto subscription sensor container tracing base,$(BUILD)/lib$(f).a)

$(ARCHIVES):
	@rm -f $@
	$(call say,AR,$@)
	$(Q)$(AR) rcs $@ $(filter %.o,$(filter-out $(MAIN),$^))

$(BUILD)/objects/%.o: %.c $(BUILD)/packages.mk | $(PROTO_H) $(SYSCALL_TABLE)
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

# Generated code is not ours to lint.
$(BUILD)/objects/generated/%.o: $(GENERATED)/%.c | $(PROTO_H)
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CPPFLAGS_ALL) -std=c11 $(OPTIMIZE) $(CFLAGS) $(SANITIZE) -w -MMD -MP -c -o $@ $<

# The object that carries the descriptor set inside it.
$(BUILD)/objects/proto/descriptor_set.o: $(DESCRIPTOR_SET)
$(BUILD)/objects/proto/descriptor_set.o: CPPFLAGS_ALL += -DDESCRIPTOR_SET_PATH='"$(DESCRIPTOR_SET)"'

$(BUILD)/ringside: $(MAIN) $(ARCHIVES)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $(MAIN) $(LINK_ARCHIVES) -Wl,--as-needed $(PKG_LIBS) -lm -lpthread

-include $(shell find $(BUILD)/objects -name '*.d' 2>/dev/null)
