#include "base/buffer.h"
#include "base/chunk.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

Test(error, a_failure_carries_code_and_message)
{
	struct error err = {0};

	cr_assert_eq(error_set(&err, -EINVAL, "depth %d is not allowed", 7), -EINVAL);
	cr_assert_eq(err.code, -EINVAL);
	cr_assert_str_eq(err.message, "depth 7 is not allowed");
}

Test(error, a_caller_that_does_not_care_passes_null)
{
	cr_assert_eq(error_set(NULL, -EIO, "x"), -EIO);
	cr_assert_eq(error_set_errno(NULL, -EIO, "x"), -EIO);
	cr_assert_eq(error_prefix(NULL, -EIO, "x"), -EIO);
}

Test(error, a_prefix_goes_in_front_and_keeps_the_code)
{
	struct error err = {0};

	error_set_errno(&err, -ENOENT, "open %s", "/x");
	cr_assert_eq(error_prefix(&err, -ENOENT, "sched:%s", "exec"), -ENOENT);
	cr_assert_str_eq(err.message, "sched:exec: open /x: No such file or directory");
}

Test(error, a_message_that_is_too_long_is_cut_and_terminated)
{
	char text[2 * ERROR_MESSAGE_BYTES];
	struct error err = {0};

	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	error_set(&err, -EIO, "%s", text);
	cr_assert_eq(strlen(err.message), ERROR_MESSAGE_BYTES - 1);
	error_prefix(&err, -EIO, "%s", text);
	cr_assert_eq(strlen(err.message), ERROR_MESSAGE_BYTES - 1);
}

Test(buffer, what_is_put_comes_out_in_order)
{
	struct buffer b;
	size_t length;
	uint8_t *bytes;

	buffer_init(&b, 0);
	buffer_put_u8(&b, 1);
	buffer_put_u32(&b, 0x05040302);
	buffer_put_u64(&b, UINT64_C(0x0d0c0b0a09080706));
	buffer_put_string(&b, "x");
	buffer_printf(&b, "%s-%d", "y", 7);
	bytes = buffer_take(&b, &length);
	cr_assert_eq(length, 17);
	for (uint8_t i = 0; i < 13; i++)
		cr_assert_eq(bytes[i], i + 1);
	cr_assert_str_eq((char *)bytes + 13, "xy-7");
	cr_assert_null(b.data);
	free(bytes);
}

Test(buffer, the_limit_is_a_sticky_error_that_keeps_what_was_there)
{
	struct buffer b;

	buffer_init(&b, 4);
	buffer_put(&b, "abc", 3);
	buffer_put(&b, "de", 2);
	cr_assert(b.failed);
	buffer_put(&b, "f", 1);
	cr_assert_eq(b.length, 3);
	cr_assert_arr_eq(b.data, "abc", 3);
	cr_assert_null(buffer_take(&b, NULL));
	cr_assert_null(b.data, "a failed buffer is empty once it was taken");
}

Test(buffer, a_size_that_cannot_be_is_a_failure_not_an_overflow)
{
	struct buffer b;

	buffer_init(&b, 0);
	buffer_put(&b, "a", 1);
	cr_assert_null(buffer_reserve(&b, SIZE_MAX));
	cr_assert(b.failed);
	buffer_clear(&b);
	cr_assert_not_null(buffer_reserve(&b, 1));
	buffer_done(&b);
}

#define CHUNK_ROUNDS 100000

static void *ref_and_unref(void *chunk)
{
	for (int i = 0; i < CHUNK_ROUNDS; i++) {
		chunk_ref(chunk);
		cr_assert_eq(((struct chunk *)chunk)->data[0], 'x');
		chunk_unref(chunk);
	}
	return chunk_unref(chunk);
}

Test(chunk, references_may_come_and_go_on_several_threads)
{
	struct chunk *chunk = chunk_new((uint8_t *)strdup("x"), 1, 1);
	pthread_t threads[2];

	for (size_t i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, ref_and_unref, chunk_ref(chunk));
	for (size_t i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	cr_assert_eq(atomic_load(&chunk->references), 1);
	cr_assert_null(chunk_unref(chunk));
	cr_assert_null(chunk_unref(NULL));
}

Test(clock, monotonic_time_does_not_run_backwards)
{
	uint64_t before_ns = clock_monotonic_ns();

	cr_assert_geq(clock_monotonic_ns(), before_ns);
	cr_assert_geq(clock_boottime_ns(), before_ns, "boot time counts suspend too");
	cr_assert_gt(clock_realtime_ns(), UINT64_C(1500000000) * NSEC_PER_SEC);
}

static size_t read_stderr(char *text, size_t size)
{
	size_t length = 0;
	FILE *file;

	fflush(stderr);
	file = cr_get_redirected_stderr();
	length = fread(text, 1, size - 1, file);
	text[length] = 0;
	return length;
}

Test(log, a_line_has_level_message_and_keys_and_no_control_characters, .init = cr_redirect_stderr)
{
	char text[4096];

	log_warning("it happened", "name=\"%s\" count=%d", "a\nb\033[1m", 3);
	log_debug("not shown", "x=%d", 1);
	fclose(stderr);
	read_stderr(text, sizeof(text));
	cr_assert_str_eq(text, "level=warning msg=\"it happened\" name=\"a b [1m\" count=3\n");
}

Test(log, a_site_that_says_too_much_is_cut_short_and_says_so_later, .init = cr_redirect_stderr)
{
	static struct log_site site;
	char text[8192];
	size_t lines = 0;

	for (int i = 0; i < 100; i++)
		log_write(&site, LOG_INFO, "again", "i=%d", i);
	atomic_store(&site.interval_start_ns, 0);
	log_write(&site, LOG_INFO, "again", "i=%d", 100);
	fclose(stderr);
	read_stderr(text, sizeof(text));
	for (const char *at = text; (at = strchr(at, '\n')); at++)
		lines++;
	cr_assert_eq(lines, LOG_BURST + 1);
	cr_assert_not_null(strstr(text, "i=100 suppressed=90\n"));
}

Test(log, levels_have_names)
{
	enum log_level level;

	cr_assert_eq(log_level_parse("debug", &level), 0);
	cr_assert_eq(level, LOG_DEBUG);
	cr_assert_eq(log_level_parse("loud", &level), -EINVAL);
}
