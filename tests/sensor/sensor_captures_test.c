#include "tests/sensor/sensor_bench.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the sensor installs of captures and requests, and what their losses are told as. */

static struct bench b;

static void bench_setup(void)
{
	bench_init(&b, "6.1");
}

static void bench_teardown(void)
{
	bench_done(&b);
}

TestSuite(sensor_captures, .init = bench_setup, .fini = bench_teardown, .timeout = 60);

static const char *const open_fields[] = {"__data_loc char[] filename", "u64 uptr", "s32 dfd", "s32 flags", "u16 mode", NULL};
static const char *const return_fields[] = {"s64 ret", NULL};
static const char *const hook_fields[] = {"s32 length", "u64 w0", "u64 w1", "u64 w2",  "u64 w3",  "u64 w4",  "u64 w5",  "u64 w6",
					  "u64 w7",     "u64 w8", "u64 w9", "u64 w10", "u64 w11", "u64 w12", "u64 w13", NULL};

static const char *filter_of(const char *system, const char *name)
{
	return fake_source_filter(b.source, system, name);
}

Test(sensor_captures, nothing_is_installed_that_nobody_wants)
{
	bench_know_function(&b, "kprobe", "do_filp_open", open_fields);
	bench_start(&b, NULL);
	cr_expect_null(filter_of("kprobe", "do_filp_open"));
	bench_want(&b, EVENT_KIND_BIT(EVENT_FILE_OPEN));
	cr_expect_str_eq(filter_of("kprobe", "do_filp_open"), "");
	bench_want(&b, 0);
	cr_expect_null(filter_of("kprobe", "do_filp_open"));
}

/* There are as many candidates as attempts were made once: the last one's failure was nobody's. */
Test(sensor_captures, when_no_candidate_installs_the_kind_is_refused_and_nothing_is_left)
{
	bench_know(&b, "syscalls", "sys_enter_open");
	bench_start(&b, NULL);
	bench_want(&b, EVENT_KIND_BIT(EVENT_FILE_OPEN));
	cr_expect_eq(BENCH_REFUSAL(&b, FILE_OPEN).code, -EOPNOTSUPP);
	cr_expect_not_null(strstr(BENCH_REFUSAL(&b, FILE_OPEN).message,
				  "syscalls: this kernel has no tracepoint syscalls:sys_enter_openat"),
			   "%s", BENCH_REFUSAL(&b, FILE_OPEN).message);
	cr_expect_null(filter_of("syscalls", "sys_enter_open"));
	cr_expect_eq(BENCH_REFUSAL(&b, PROCESS_CWD).code, 0 - EOPNOTSUPP, "names are resolved in directories that nobody can tell");
}

Test(sensor_captures, one_whose_probes_do_not_install_is_replaced_by_the_next)
{
	bench_know_function(&b, "kprobe", "do_file_open", open_fields);
	bench_start(&b, NULL);
	bench_want(&b, EVENT_KIND_BIT(EVENT_FILE_OPEN));
	cr_expect_eq(BENCH_REFUSAL(&b, FILE_OPEN).code, 0);
	cr_expect_str_eq(filter_of("kprobe", "do_file_open"), "");
}

Test(sensor_captures, an_optional_probe_may_be_missing)
{
	bench_know(&b, "syscalls", "sys_enter_open");
	bench_know(&b, "syscalls", "sys_enter_openat");
	bench_know(&b, "syscalls", "sys_enter_creat");
	bench_start(&b, NULL);
	bench_want(&b, EVENT_KIND_BIT(EVENT_FILE_OPEN));
	cr_expect_eq(BENCH_REFUSAL(&b, FILE_OPEN).code, 0, "there is no openat2");
	cr_expect_str_eq(filter_of("syscalls", "sys_enter_openat"), "");
}

static void apply_filtered(const char *filter, uint64_t fields)
{
	struct plan plan = {0};

	plan.kinds[EVENT_FILE_OPEN] = (struct plan_entry){.wanted = true, .filter = strdup(filter), .filter_fields = fields};
	bench_apply(&b, &plan);
	plan_done(&plan);
}

Test(sensor_captures, a_filter_is_installed_where_the_candidate_has_its_fields)
{
	bench_know_function(&b, "kprobe", "do_filp_open", open_fields);
	bench_start(&b, NULL);
	apply_filtered("(filename == \"/a\")", bench_field_bit(EVENT_FILE_OPEN, "filename"));
	cr_expect_str_eq(filter_of("kprobe", "do_filp_open"), "(filename == \"/a\")");
	apply_filtered("(mode == 1)", bench_field_bit(EVENT_FILE_OPEN, "mode"));
	cr_expect_str_eq(filter_of("kprobe", "do_filp_open"), "");
	apply_filtered("(filename == \"/b\")", bench_field_bit(EVENT_FILE_OPEN, "filename"));
	cr_expect_str_eq(filter_of("kprobe", "do_filp_open"), "(filename == \"/b\")");
}

Test(sensor_captures, a_filter_is_not_installed_on_the_probe_that_only_adds_to_the_event)
{
	bench_know_function(&b, "kprobe", "do_filp_open", open_fields);
	bench_know_function(&b, "kprobe", "do_sys_openat2", (const char *const[]){"u64 flags", NULL});
	bench_start(&b, NULL);
	apply_filtered("(filename == \"/a\")", bench_field_bit(EVENT_FILE_OPEN, "filename"));
	cr_expect_str_eq(filter_of("kprobe", "do_filp_open"), "(filename == \"/a\")");
	cr_expect_str_eq(filter_of("kprobe", "do_sys_openat2"), "");
	apply_filtered("(flags == 1)", bench_field_bit(EVENT_FILE_OPEN, "flags"));
	cr_expect_str_eq(filter_of("kprobe", "do_filp_open"), "", "its flags are not those that were passed");
	cr_expect_str_eq(filter_of("kprobe", "do_sys_openat2"), "");
}

/* The end of connect(2): its result, and the attempt when the kernel has not looked at the address. */
Test(sensor_captures, a_row_that_two_kinds_need_is_installed_once_and_stays_for_the_other)
{
	const uint64_t attempt = EVENT_KIND_BIT(EVENT_CONNECT_ATTEMPT), result = EVENT_KIND_BIT(EVENT_CONNECT_RESULT);

	bench_know(&b, "syscalls", "sys_enter_connect");
	bench_know(&b, "syscalls", "sys_exit_connect");
	bench_know_function(&b, "kprobe", "security_socket_connect", hook_fields);
	bench_start_with(&b, EVENT_CONNECT_ATTEMPT, "security_socket_connect+sys_enter_connect");
	bench_want(&b, attempt | result);
	cr_expect_eq(BENCH_REFUSAL(&b, CONNECT_ATTEMPT).code, 0, "%s", BENCH_REFUSAL(&b, CONNECT_ATTEMPT).message);
	cr_expect_eq(BENCH_REFUSAL(&b, CONNECT_RESULT).code, 0, "%s", BENCH_REFUSAL(&b, CONNECT_RESULT).message);
	cr_expect_str_eq(filter_of("kprobe", "security_socket_connect"), "");
	bench_want(&b, result);
	cr_expect_str_eq(filter_of("syscalls", "sys_exit_connect"), "");
	cr_expect_null(filter_of("kprobe", "security_socket_connect"));
	bench_want(&b, attempt);
	cr_expect_str_eq(filter_of("syscalls", "sys_exit_connect"), "");
	cr_expect_str_eq(filter_of("kprobe", "security_socket_connect"), "");
	bench_want(&b, 0);
	cr_expect_null(filter_of("syscalls", "sys_exit_connect"));
}

/* The first that finds its way is the one that only opens for writing: creates try others before. */
static void start_opens_and_creates(void)
{
	static const char *const calls[] = {"mkdir", "mkdirat", "mknod", "mknodat"};
	char name[32];

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		(void)snprintf(name, sizeof(name), "sys_enter_%s", calls[i]);
		bench_know(&b, "syscalls", name);
		(void)snprintf(name, sizeof(name), "sys_exit_%s", calls[i]);
		bench_know(&b, "syscalls", name);
	}
	bench_know_function(&b, "kprobe", "do_filp_open", open_fields);
	bench_know_function(&b, "kretprobe", "do_filp_open", return_fields);
	bench_know_function(&b, "kprobe", "do_filp_open#2", open_fields);
	bench_know_function(&b, "kretprobe", "do_filp_open#2", return_fields);
	bench_know_function(&b, "kprobe", "d_instantiate", return_fields);
	bench_start(&b, NULL);
	bench_want(&b, EVENT_KIND_BIT(EVENT_FILE_CREATE) | EVENT_KIND_BIT(EVENT_FILE_OPEN_FOR_MODIFY));
	cr_assert_eq(BENCH_REFUSAL(&b, FILE_CREATE).code, 0, "%s", BENCH_REFUSAL(&b, FILE_CREATE).message);
	cr_assert_eq(BENCH_REFUSAL(&b, FILE_OPEN_FOR_MODIFY).code, 0, "%s", BENCH_REFUSAL(&b, FILE_OPEN_FOR_MODIFY).message);
}

Test(sensor_captures, two_kinds_with_rows_of_their_own_at_one_function_go_one_by_one)
{
	start_opens_and_creates();
	cr_expect_str_eq(filter_of("kretprobe", "do_filp_open"), "");
	cr_expect_str_eq(filter_of("kretprobe", "do_filp_open#2"), "");
	bench_want(&b, EVENT_KIND_BIT(EVENT_FILE_OPEN_FOR_MODIFY));
	cr_expect_str_eq(filter_of("kretprobe", "do_filp_open"), "");
	cr_expect_null(filter_of("kprobe", "do_filp_open#2"));
	cr_expect_null(filter_of("kretprobe", "do_filp_open#2"));
	cr_expect_null(filter_of("kprobe", "d_instantiate"));
	bench_want(&b, EVENT_KIND_BIT(EVENT_FILE_CREATE));
	cr_expect_str_eq(filter_of("kprobe", "d_instantiate"), "");
	bench_want(&b, 0);
	cr_expect_null(filter_of("kretprobe", "do_filp_open"));
	cr_expect_null(filter_of("kretprobe", "do_filp_open#2"));
	cr_expect_null(filter_of("kprobe", "d_instantiate"));
}

Test(sensor_captures, a_loss_is_one_of_the_kind_that_the_row_makes_and_says_what_was_in_the_way)
{
	struct sample missed = {.kind = SAMPLE_LOST, .lost = 5, .missed = true, .time_ns = 1};

	start_opens_and_creates();
	cr_assert_eq(fake_source_push(b.source, "kprobe", "do_filp_open#2", &missed), 0);
	missed.time_ns++;
	cr_assert_eq(fake_source_push(b.source, "kprobe", "do_filp_open", &missed), 0);
	bench_round(&b, 2);
	for (size_t i = 0; i < 2; i++) {
		const struct event *event = &b.events[i].event;

		cr_expect_eq(event->kind, EVENT_LOST);
		cr_expect_eq(event->lost.count, 5);
		cr_expect_eq(event->lost.cause, LOST_PROBE);
		cr_expect_eq(event->lost.of, i ? EVENT_FILE_OPEN_FOR_MODIFY : EVENT_FILE_CREATE);
		cr_expect_null(event->request);
	}
}

Test(sensor_captures, losses_of_what_only_adds_to_events_are_no_events)
{
	bench_know_function(&b, "kprobe", "commit_creds",
			    (const char *const[]){"u32 uid", "u32 gid", "u32 euid", "u32 egid", "u32 suid", "u32 sgid", "u32 fsuid",
						  "u32 fsgid", NULL});
	bench_know(&b, "raw_syscalls", "sys_enter");
	bench_start(&b, NULL);
	bench_want(&b, EVENT_KIND_BIT(EVENT_SYSCALL_ENTER));
	cr_assert_eq(fake_source_push_lost(b.source, "kprobe", "commit_creds", 5, 3), 0);
	bench_round(&b, 0);
}

/* Requests */

static struct probe_request *group(uint64_t rate)
{
	static const struct perf_counter counter = {.type = 1, .config = 0};
	struct probe_request *request;
	struct error err = {0};

	cr_assert_eq(probe_request_new_performance(&request, &counter, 1, false, rate, &err), 0, "%s", err.message);
	return request;
}

Test(sensor_captures, requests_beyond_the_limit_are_refused_until_others_go)
{
	struct probe_request *requests[] = {group(1), group(2), group(3)};
	struct error refusals[3] = {{0}};
	struct plan plan = {0};

	bench_start(&b, &(struct sensor_options){.probes = {.max_requests = 2}});
	for (size_t i = 0; i < 3; i++)
		cr_assert_eq(plan_add_request(&plan, requests[i], &refusals[i]), 0);
	bench_apply(&b, &plan);
	cr_expect_eq(refusals[0].code, 0);
	cr_expect_eq(refusals[1].code, 0);
	cr_expect_eq(refusals[2].code, -ENOSPC);
	cr_expect_not_null(strstr(refusals[2].message, "2 functions and counter groups are watched already"), "%s", refusals[2].message);
	cr_expect_eq(requests[2]->references, 2, "the plan's");
	plan_done(&plan);
	cr_assert_eq(plan_add_request(&plan, requests[2], &refusals[2]), 0);
	cr_assert_eq(plan_add_request(&plan, requests[1], &refusals[1]), 0);
	bench_apply(&b, &plan);
	cr_expect_eq(refusals[2].code, 0);
	cr_expect_eq(refusals[1].code, 0);
	plan_done(&plan);
	cr_expect_eq(requests[0]->references, 1, "the sensor has given it back");
	cr_expect_null(filter_of("performance", requests[0]->key));
	cr_expect_str_eq(filter_of("performance", requests[2]->key), "");
	sensor_free(b.sensor);
	b.sensor = NULL;
	b.source = fake_source_new();
	for (size_t i = 0; i < 3; i++) {
		cr_expect_eq(requests[i]->references, 1);
		probe_request_unref(requests[i]);
	}
}

Test(sensor_captures, what_a_request_lost_names_it)
{
	struct probe_request *request = group(1);
	struct error refusal;
	struct plan plan = {0};

	bench_start(&b, NULL);
	cr_assert_eq(plan_add_request(&plan, request, &refusal), 0);
	bench_apply(&b, &plan);
	plan_done(&plan);
	cr_assert_eq(fake_source_push_lost(b.source, "performance", request->key, 5, 3), 0);
	bench_round(&b, 1);
	cr_expect_eq(b.events[0].event.kind, EVENT_LOST);
	cr_expect_eq(b.events[0].event.request, request);
	cr_expect_eq(b.events[0].event.lost.of, EVENT_PERFORMANCE);
	cr_expect_eq(b.events[0].event.lost.cause, LOST_RING);
	probe_request_unref(request);
}
