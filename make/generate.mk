# Generated sources: protobuf-c code of every .proto file, and one descriptor set of those that we serve (served by reflection, read by the
# contract test). What is under proto/containerd/ is what we ask others: neither served nor installed.

GENERATED := $(BUILD)/generated
PROTO_FILES := $(patsubst proto/%,%,$(shell find proto -name '*.proto' -not -path 'proto/containerd/*' | LC_ALL=C sort))
PROTO_CLIENT_FILES := $(patsubst proto/%,%,$(shell find proto/containerd -name '*.proto' | LC_ALL=C sort))
# Files that come with protobuf itself and that ours import.
PROTO_LIBRARY := google/protobuf/any.proto google/protobuf/wrappers.proto google/protobuf/timestamp.proto google/protobuf/descriptor.proto
PROTO_C := $(patsubst %.proto,$(GENERATED)/%.pb-c.c,$(PROTO_FILES) $(PROTO_CLIENT_FILES) $(PROTO_LIBRARY))
PROTO_H := $(PROTO_C:.c=.h)
DESCRIPTOR_SET := $(GENERATED)/descriptors.binpb

$(GENERATED)/%.pb-c.c $(GENERATED)/%.pb-c.h &: proto/%.proto | $(BUILD)/packages.mk
	@mkdir -p $(@D)
	protoc -Iproto --c_out=$(GENERATED) $<

$(foreach p,$(PROTO_LIBRARY),$(eval $(GENERATED)/$(p:.proto=.pb-c.c) $(GENERATED)/$(p:.proto=.pb-c.h) &: | $(BUILD)/packages.mk ; \
	@mkdir -p $(GENERATED) && protoc -I/usr/include --c_out=$(GENERATED) $(p)))

$(DESCRIPTOR_SET): $(addprefix proto/,$(PROTO_FILES)) | $(BUILD)/packages.mk
	@mkdir -p $(@D)
	protoc -Iproto --include_imports --descriptor_set_out=$@ $(PROTO_FILES)

# System call numbers by name, from the kernel's own user space headers: one table per calling convention.
SYSCALL_TABLE := $(GENERATED)/tracing/syscall_table.inc
$(SYSCALL_TABLE): scripts/generate-syscalls | $(BUILD)/packages.mk
	@mkdir -p $(@D)
	CC="$(CC)" scripts/generate-syscalls >$@.new && mv $@.new $@
