#include "tests/expressions/reference.h"

#include "subscription/query_print.h"

#include <stdlib.h>
#include <string.h>

static const struct fact *find_fact(const struct expression *e, const struct fact *facts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (facts[i].field == e->field && (e->field || facts[i].argument == e->argument))
			return &facts[i];
	abort();
}

/* What an operand is; false: NULL. */
static bool integer_of(const struct expression *e, const struct fact *facts, size_t count, wide *ret)
{
	wide left, right;

	if (e->type == EXPRESSION_VALUE) {
		*ret = value_type_is_signed(e->value_type) ? (wide)(int64_t)e->integer : (wide)e->integer;
		return true;
	}
	if (e->type == EXPRESSION_FIELD) {
		const struct fact *fact = find_fact(e, facts, count);

		*ret = fact->integer;
		return !fact->is_null;
	}
	if (!integer_of(e->first, facts, count, &left) || !integer_of(e->first->next, facts, count, &right))
		return false;
	*ret = left & right;
	return true;
}

static const char *string_of(const struct expression *e, const struct fact *facts, size_t count)
{
	const struct fact *fact;

	if (e->type == EXPRESSION_VALUE)
		return e->string;
	fact = find_fact(e, facts, count);
	return fact->is_null ? NULL : fact->string;
}

static bool like(const char *pattern, const char *text)
{
	if (!*pattern)
		return !*text;
	if (*pattern == '*')
		return like(pattern + 1, text) || (*text && like(pattern, text + 1));
	return *text && (*pattern == '?' || *pattern == *text) && like(pattern + 1, text + 1);
}

static bool holds(enum expression_type type, int order)
{
	return type == EXPRESSION_EQ   ? order == 0
	       : type == EXPRESSION_NE ? order != 0
	       : type == EXPRESSION_LT ? order < 0
	       : type == EXPRESSION_LE ? order <= 0
	       : type == EXPRESSION_GT ? order > 0
				       : order >= 0;
}

static bool compare(const struct expression *e, const struct fact *facts, size_t count)
{
	const struct expression *a = e->first, *b = a->next;
	wide left, right;

	if (a->value_type == VALUE_STRING) {
		const char *one = string_of(a, facts, count), *other = string_of(b, facts, count);

		if (!one || !other)
			return false;
		return e->type == EXPRESSION_LIKE ? like(other, one) : holds(e->type, strcmp(one, other));
	}
	if (a->value_type == VALUE_DOUBLE)
		return holds(e->type, a->number < b->number ? -1 : a->number > b->number);
	if (a->value_type == VALUE_TIMESTAMP) {
		left = (wide)a->timestamp.seconds * 1000000000 + a->timestamp.nanoseconds;
		right = (wide)b->timestamp.seconds * 1000000000 + b->timestamp.nanoseconds;
	} else if (!integer_of(a, facts, count, &left) || !integer_of(b, facts, count, &right)) {
		return false;
	}
	return holds(e->type, left < right ? -1 : left > right);
}

bool reference_holds(const struct expression *e, const struct fact *facts, size_t count)
{
	const struct fact *fact;

	switch (e->type) {
	case EXPRESSION_VALUE:
		return e->integer;
	case EXPRESSION_FIELD:
		fact = find_fact(e, facts, count);
		return !fact->is_null && fact->integer;
	case EXPRESSION_IS_NULL:
		return find_fact(e->first, facts, count)->is_null;
	case EXPRESSION_IS_NOT_NULL:
		return !find_fact(e->first, facts, count)->is_null;
	case EXPRESSION_AND:
		for (e = e->first; e; e = e->next)
			if (!reference_holds(e, facts, count))
				return false;
		return true;
	case EXPRESSION_OR:
		for (e = e->first; e; e = e->next)
			if (reference_holds(e, facts, count))
				return true;
		return false;
	default:
		return compare(e, facts, count);
	}
}

size_t known_event_fields(enum event_kind kind, const struct catalog_field **ret)
{
	const struct catalog_entry *entry = catalog_entry(kind);
	size_t count = 0, common_count = 0;
	const struct catalog_field *common = catalog_common_fields(&common_count);

	for (size_t i = 0; i < entry->field_count; i++)
		ret[count++] = &entry->fields[i];
	for (size_t i = 0; entry->observed && i < common_count; i++)
		if (catalog_field(kind, common[i].name) == &common[i])
			ret[count++] = &common[i];
	return count;
}

struct maker {
	struct known_event *known;
	struct random *random;
};

static struct fact *add_fact(struct maker *m, const char *name)
{
	struct fact *fact = &m->known->facts[m->known->fact_count++];

	*fact = (struct fact){.field = catalog_field(m->known->event.kind, name)};
	if (!fact->field)
		abort();
	return fact;
}

static uint64_t make_integer(struct maker *m, const char *name, bool is_null)
{
	struct fact *fact = add_fact(m, name);
	enum value_type type = value_type_of_field(fact->field);
	uint64_t integer = type == VALUE_BOOL ? random_below(m->random, 2) : random_integer(m->random, type);

	fact->integer = value_type_is_signed(type) ? (wide)(int64_t)integer : (wide)integer;
	fact->is_null = is_null;
	return integer;
}

/* `empty_is_null`: a string without characters is none. */
static struct event_string make_string(struct maker *m, const char *name, bool is_null, bool empty_is_null)
{
	struct fact *fact = add_fact(m, name);

	random_string(m->random, fact->string);
	fact->is_null = is_null || (empty_is_null && !*fact->string);
	return (struct event_string){.bytes = fact->string, .length = strlen(fact->string)};
}

static bool chance(struct maker *m, unsigned int of)
{
	return random_below(m->random, of) == 0;
}

/* With 0 as NULL. */
static uint32_t make_number(struct maker *m, const char *name)
{
	uint32_t number = (uint32_t)make_integer(m, name, false);

	m->known->facts[m->known->fact_count - 1].is_null = !number;
	return number;
}

/* What happens to a container is done by no process that is known, on no CPU. */
static void make_container(struct maker *m)
{
	static const char *const nobodys[] = {"process_pid", "process_tid", "process_tgid", "process_id", "process_comm", "cpu",   "uid",
					      "gid",         "euid",        "egid",         "suid",       "sgid",         "fsuid", "fsgid"};
	struct event_container *container = &m->known->event.container;
	struct container *c = &m->known->container;
	bool is_exit = m->known->event.kind == EVENT_CONTAINER_EXITED;

	c->id = make_string(m, "container_id", false, true);
	c->name = make_string(m, "name", false, true);
	m->known->facts[m->known->fact_count] = m->known->facts[m->known->fact_count - 1];
	m->known->facts[m->known->fact_count++].field = catalog_field(m->known->event.kind, "container_name");
	c->image_id = make_string(m, "image_id", false, true);
	c->image_name = make_string(m, "image_name", false, true);
	container->container = c;
	for (size_t i = 0; i < sizeof(nobodys) / sizeof(nobodys[0]); i++)
		add_fact(m, nobodys[i])->is_null = true;
	if (is_exit || m->known->event.kind == EVENT_CONTAINER_RUNNING)
		container->host_pid = make_number(m, "host_pid");
	if (!is_exit)
		return;
	container->exit_unknown = chance(m, 4);
	container->exit_code = (int32_t)make_integer(m, "exit_code", container->exit_unknown);
	container->exit_status = (uint32_t)make_integer(m, "exit_status", container->exit_unknown);
	container->exit_signal = (uint32_t)make_integer(m, "exit_signal", container->exit_unknown);
	container->core_dumped = make_integer(m, "exit_core_dumped", container->exit_unknown);
	container->oom_killed = make_integer(m, "oom_killed", false);
}

static void make_common(struct maker *m)
{
	static const char *const ids[] = {"uid", "gid", "euid", "egid", "suid", "sgid", "fsuid", "fsgid"};
	struct known_event *k = m->known;
	struct credentials *credentials = &k->credentials;
	bool has_process = !chance(m, 5), has_own = chance(m, 3), known = !chance(m, 4), in_container;
	uint32_t *const places[] = {&credentials->uid,  &credentials->gid,  &credentials->euid,  &credentials->egid,
				    &credentials->suid, &credentials->sgid, &credentials->fsuid, &credentials->fsgid};

	k->event.tgid = make_number(m, "process_pid");
	k->facts[k->fact_count] = k->facts[k->fact_count - 1];
	k->facts[k->fact_count++].field = catalog_field(k->event.kind, "process_tgid");
	k->event.tid = make_number(m, "process_tid");
	k->event.cpu = (uint32_t)make_integer(m, "cpu", false);
	make_string(m, "process_id", !has_process, false);
	strcpy(k->process.id, k->facts[k->fact_count - 1].string);
	make_string(m, "process_comm", !has_process, false);
	k->facts[k->fact_count - 1].string[PROCESS_COMM_BYTES - 1] = 0;
	strcpy(k->process.comm, k->facts[k->fact_count - 1].string);
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		*places[i] = (uint32_t)make_integer(m, ids[i], !known || !(has_own || has_process));
	credentials->known = known;
	k->process.credentials = *credentials;
	in_container = has_process && !chance(m, 3);
	k->container.id = make_string(m, "container_id", !in_container, true);
	k->container.name = make_string(m, "container_name", !in_container, true);
	k->container.image_id = make_string(m, "image_id", !in_container, true);
	k->container.image_name = make_string(m, "image_name", !in_container, true);
	k->process.container = in_container ? &k->container : NULL;
	k->event.process = has_process ? &k->process : NULL;
	k->event.credentials = has_own ? credentials : NULL;
	if (has_own)
		k->process.credentials = (struct credentials){.known = true, .uid = 12345};
}

static void make_syscall(struct maker *m)
{
	static const char *const names[] = {"arg0", "arg1", "arg2", "arg3", "arg4", "arg5"};
	struct event_syscall *syscall = &m->known->event.syscall;

	syscall->id = (int64_t)make_integer(m, "id", false);
	syscall->abi = (uint32_t)make_integer(m, "abi", false);
	if (m->known->event.kind == EVENT_SYSCALL_EXIT) {
		syscall->result = (int64_t)make_integer(m, "ret", false);
		return;
	}
	for (size_t i = 0; i < 6; i++)
		syscall->arguments[i] = make_integer(m, names[i], false);
}

static void make_exit(struct maker *m)
{
	struct event_exit *exit = &m->known->event.exit;

	exit->code_unknown = chance(m, 4);
	exit->code = (int32_t)make_integer(m, "exit_code", exit->code_unknown);
	exit->status = (uint32_t)make_integer(m, "exit_status", exit->code_unknown);
	exit->signal = (uint32_t)make_integer(m, "exit_signal", exit->code_unknown);
	exit->core_dumped = make_integer(m, "exit_core_dumped", exit->code_unknown);
}

static void make_open(struct maker *m)
{
	struct event_file *file = &m->known->event.file;

	file->unknown = chance(m, 4);
	file->filename = make_string(m, "filename", file->unknown, false);
	file->path = make_string(m, "path", false, true);
	file->flags = (int32_t)make_integer(m, "open_flags", false);
	file->mode = (int32_t)make_integer(m, "open_mode", false);
}

static void make_link(struct maker *m)
{
	struct event_file *file = &m->known->event.file;

	file->unknown = chance(m, 4);
	file->filename = make_string(m, "source_file", file->unknown, false);
	file->target = make_string(m, "target_file", file->unknown, false);
	file->path = make_string(m, "path", false, true);
	file->target_path = make_string(m, "target_path", false, true);
	file->symlink = make_integer(m, "symlink", false);
}

static void make_connect(struct maker *m)
{
	struct event_network *network = &m->known->event.network;
	struct event_address *address = &network->address;
	struct fact *fact;

	network->sockfd = make_integer(m, "sockfd", false);
	network->address_unknown = chance(m, 5);
	address->family = network->address_unknown ? ADDRESS_NONE : (uint32_t)random_below(m->random, 4);
	fact = add_fact(m, "family");
	fact->integer = address->family;
	fact->is_null = network->address_unknown;
	address->port = (uint32_t)random_integer(m->random, VALUE_UINT16);
	fact = add_fact(m, "port");
	fact->integer = address->port;
	fact->is_null = address->family != ADDRESS_INET && address->family != ADDRESS_INET6;
	m->known->facts[m->known->fact_count] = *fact;
	fact = &m->known->facts[m->known->fact_count++];
	fact->field = catalog_field(EVENT_CONNECT_ATTEMPT, "port_number");
	fact->integer = (address->port & 0xff) * 256 + address->port / 256;
	address->ipv4 = (uint32_t)make_integer(m, "ipv4_address", address->family != ADDRESS_INET);
	address->ipv6_high = make_integer(m, "ipv6_high", address->family != ADDRESS_INET6);
	address->ipv6_low = make_integer(m, "ipv6_low", address->family != ADDRESS_INET6);
	address->path = make_string(m, "local_address", address->family != ADDRESS_LOCAL, false);
}

static void make_ticker(struct maker *m)
{
	m->known->event.ticker.seconds = (int64_t)make_integer(m, "seconds", false);
	m->known->event.ticker.nanoseconds = (int64_t)make_integer(m, "nanoseconds", false);
}

static void make_call(struct maker *m, const struct probe_request *request)
{
	static const enum value_type types[] = {[CALL_STRING] = VALUE_STRING, [CALL_SINT8] = VALUE_SINT8,   [CALL_SINT16] = VALUE_SINT16,
						[CALL_SINT32] = VALUE_SINT32, [CALL_SINT64] = VALUE_SINT64, [CALL_UINT8] = VALUE_UINT8,
						[CALL_UINT16] = VALUE_UINT16, [CALL_UINT32] = VALUE_UINT32, [CALL_UINT64] = VALUE_UINT64};
	/* In the order of the names in the test's request: a string, then s8 ... s64, u8 ... u64. */
	struct known_event *k = m->known;

	for (uint32_t i = 0; i < request->parameter_count; i++) {
		enum call_argument_type type = CALL_STRING + i;
		struct fact *fact = &k->facts[k->fact_count++];

		*fact = (struct fact){.argument = i};
		k->arguments[i] = (struct call_argument){.name = request->parameters[i].name, .type = type};
		if (type == CALL_STRING) {
			random_string(m->random, fact->string);
			k->arguments[i].bytes = (struct event_string){.bytes = fact->string, .length = strlen(fact->string)};
			continue;
		}
		k->arguments[i].integer = random_integer(m->random, types[type]);
		fact->integer = value_type_is_signed(types[type]) ? (wide)(int64_t)k->arguments[i].integer : (wide)k->arguments[i].integer;
	}
	k->event.request = request;
	k->event.call = (struct event_call){.arguments = k->arguments, .count = (uint32_t)request->parameter_count};
}

void known_event_make(struct known_event *ret, struct random *r, enum event_kind kind, const struct probe_request *request)
{
	struct maker m = {.known = ret, .random = r};

	memset(ret, 0, sizeof(*ret));
	ret->event.kind = kind;
	switch (kind) {
	case EVENT_SYSCALL_ENTER:
	case EVENT_SYSCALL_EXIT:
		make_syscall(&m);
		break;
	case EVENT_PROCESS_EXEC:
		ret->event.exec.filename = make_string(&m, "exec_filename", false, true);
		break;
	case EVENT_PROCESS_EXIT:
		make_exit(&m);
		break;
	case EVENT_FILE_OPEN:
		make_open(&m);
		break;
	case EVENT_FILE_LINK:
		make_link(&m);
		break;
	case EVENT_CONNECT_ATTEMPT:
		make_connect(&m);
		break;
	case EVENT_KERNEL_CALL_ENTER:
		make_call(&m, request);
		break;
	case EVENT_CONTAINER_CREATED:
	case EVENT_CONTAINER_RUNNING:
	case EVENT_CONTAINER_EXITED:
		make_container(&m);
		break;
	case EVENT_TICKER:
		make_ticker(&m);
		break;
	default:
		abort();
	}
	if (catalog_entry(kind)->from_kernel)
		make_common(&m);
}

struct probe_request *known_request_new(void)
{
	struct probe_parameter parameters[] = {{"text", "+0(%di):string"}, {"s8", "%di:s8"},   {"s16", "%di:s16"},
					       {"s32", "%di:s32"},         {"s64", "%di:s64"}, {"u8", "%di:u8"},
					       {"u16", "%di:u16"},         {"u32", "%di:u32"}, {"u64", "%di:u64"}};
	struct probe_request *request;

	if (probe_request_new_call(&request, EVENT_KERNEL_CALL_ENTER, NULL, "f", parameters, sizeof(parameters) / sizeof(parameters[0]),
				   NULL, NULL))
		return NULL;
	return request;
}

char *known_text(const struct expression *e, const struct probe_request *request)
{
	struct buffer text;

	buffer_init(&text, 0);
	expression_print(e, request, &text);
	return (char *)buffer_take(&text, NULL);
}
