#include "sensor/process_id.h"

#include "base/boot_id.h"
#include "base/clock.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define OFFSET_TRIES 5
/* Two measurements of the offset differ by less than this when there was no suspend between them; a suspend is longer. */
#define OFFSET_NOISE_NS 1000000

static int read_boot_id(char boot[PROCESS_BOOT_BYTES], int proc_fd, struct error *err)
{
	char digits[BOOT_ID_DIGITS + 1];
	int count = boot_id_read(proc_fd, digits, err);

	if (count < 0)
		return count;
	if (count < PROCESS_BOOT_BYTES - 1)
		return boot_id_too_short(count, PROCESS_BOOT_BYTES - 1, err);
	memcpy(boot, digits, PROCESS_BOOT_BYTES - 1);
	boot[PROCESS_BOOT_BYTES - 1] = '\0';
	return 0;
}

static int64_t measure_offset(uint64_t *ret_measured_ns)
{
	uint64_t narrowest_ns = UINT64_MAX;
	int64_t offset_ns = 0;

	for (int i = 0; i < OFFSET_TRIES && narrowest_ns > 200; i++) {
		uint64_t before = clock_monotonic_ns();
		uint64_t boot = clock_boottime_ns();
		uint64_t after = clock_monotonic_ns();

		if (after - before < narrowest_ns) {
			narrowest_ns = after - before;
			offset_ns = (int64_t)(boot - before - narrowest_ns / 2);
			*ret_measured_ns = after;
		}
	}
	return offset_ns;
}

static int64_t distance(int64_t a, int64_t b)
{
	return a > b ? a - b : b - a;
}

int process_clock_init(struct process_clock *c, int proc_fd, struct error *err)
{
	long ticks = sysconf(_SC_CLK_TCK);

	memset(c, 0, sizeof(*c));
	c->tick_ns = NSEC_PER_SEC / (uint64_t)(ticks > 0 ? ticks : 100);
	c->offset_ns = measure_offset(&c->measured_ns);
	/* The offset is exactly 0 until the first suspend; the rest is what it takes to read a clock. */
	if (distance(c->offset_ns, 0) < OFFSET_NOISE_NS)
		c->offset_ns = 0;
	c->earlier_offset_ns = c->offset_ns;
	return read_boot_id(c->boot, proc_fd, err);
}

void process_clock_update(struct process_clock *c)
{
	uint64_t measured_ns = c->measured_ns;
	int64_t offset_ns = measure_offset(&measured_ns);

	if (distance(offset_ns, c->offset_ns) >= OFFSET_NOISE_NS) {
		c->earlier_offset_ns = c->offset_ns;
		c->offset_ns = offset_ns;
		c->suspend_from_ns = c->measured_ns;
		c->suspend_until_ns = measured_ns;
	}
	c->measured_ns = measured_ns;
}

static uint64_t boottime(uint64_t time_ns, int64_t offset_ns)
{
	return time_ns + (uint64_t)offset_ns;
}

uint64_t process_clock_tick(const struct process_clock *c, uint64_t time_ns)
{
	return boottime(time_ns, time_ns < c->suspend_until_ns ? c->earlier_offset_ns : c->offset_ns) / c->tick_ns;
}

struct process_tick process_clock_fork_tick(const struct process_clock *c, uint64_t time_ns)
{
	struct process_tick ret = {.tick = process_clock_tick(c, time_ns), .certain = true};
	int64_t offset_ns = time_ns < c->suspend_until_ns ? c->earlier_offset_ns : c->offset_ns;

	if (time_ns > c->suspend_from_ns && time_ns < c->suspend_until_ns) {
		ret.other = boottime(time_ns, c->offset_ns) / c->tick_ns;
		ret.certain = false;
		return ret;
	}
	if (boottime(time_ns, offset_ns) % c->tick_ns < PROCESS_FORK_LAG_NS && ret.tick > 0) {
		ret.other = ret.tick - 1;
		ret.certain = false;
	}
	return ret;
}

static char *write_number(char *to, uint64_t value, unsigned int base)
{
	char digits[20];
	size_t count = 0;

	do {
		digits[count++] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value > 0);
	while (count > 0)
		*to++ = digits[--count];
	return to;
}

void process_id_write(char id[PROCESS_ID_BYTES], const struct process_clock *c, uint64_t start_tick, uint32_t tgid, uint32_t nth)
{
	char *to = id;

	memcpy(to, c->boot, PROCESS_BOOT_BYTES - 1);
	to += PROCESS_BOOT_BYTES - 1;
	*to++ = '.';
	to = write_number(to, start_tick, 16);
	*to++ = '.';
	to = write_number(to, tgid, 10);
	if (nth > 1) {
		*to++ = '.';
		to = write_number(to, nth, 10);
	}
	*to = '\0';
}
