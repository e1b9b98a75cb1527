#include "subscription/chargen.h"

#include <errno.h>
#include <stdlib.h>
#include <uv.h>

#define CHARGEN_FIRST  0x20
#define CHARGEN_PERIOD 95

struct chargen {
	uv_idle_t idle;
	chargen_fn turn;
	void *context;
	uint64_t index;
	uint32_t length;
	char characters[]; /* the stream from index 0 to PERIOD + length: every piece is a window of it */
};

static void on_close(uv_handle_t *handle)
{
	free(handle->data);
}

static void on_idle(uv_idle_t *idle)
{
	struct chargen *c = idle->data;

	c->turn(c->context);
}

int chargen_new(struct chargen **ret, struct uv_loop_s *loop, uint32_t length, chargen_fn turn, void *context, struct error *err)
{
	size_t size = (size_t)length + CHARGEN_PERIOD;
	struct chargen *c = calloc(1, sizeof(*c) + size);
	int r;

	if (!c)
		return error_set_errno(err, -ENOMEM, "characters");
	for (size_t i = 0; i < size; i++)
		c->characters[i] = (char)(CHARGEN_FIRST + i % CHARGEN_PERIOD);
	c->turn = turn;
	c->context = context;
	c->length = length;
	r = uv_idle_init(loop, &c->idle);
	if (r) {
		free(c);
		return error_set(err, r, "characters: %s", uv_strerror(r));
	}
	c->idle.data = c;
	chargen_resume(c);
	*ret = c;
	return 0;
}

struct chargen *chargen_free(struct chargen *c)
{
	if (c)
		uv_close((uv_handle_t *)&c->idle, on_close);
	return NULL;
}

void chargen_next(struct chargen *c, struct event_chargen *ret)
{
	ret->index = c->index;
	ret->characters.bytes = c->characters + c->index % CHARGEN_PERIOD;
	ret->characters.length = c->length;
	c->index += c->length;
}

uint32_t chargen_length(const struct chargen *c)
{
	return c->length;
}

void chargen_pause(struct chargen *c)
{
	uv_idle_stop(&c->idle);
}

void chargen_resume(struct chargen *c)
{
	uv_idle_start(&c->idle, on_idle);
}
