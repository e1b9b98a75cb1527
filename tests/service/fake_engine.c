#include "tests/service/fake_engine.h"

#include "base/clock.h"
#include "subscription/spec.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#define SUBSCRIPTIONS_MAX 128

struct engine_subscription {
	struct outbox *outbox;
	struct subscription_spec *spec;
	bool given_back;
};

struct fake_engine {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	struct engine_subscription subscriptions[SUBSCRIPTIONS_MAX];
	size_t subscribed, unsubscribed;
	bool refusing;
	const struct container_table *containers;
	struct container_fact *(*read_container)(const char *id, enum container_runtime runtime);
};

struct fake_engine *fake_engine_new(void)
{
	struct fake_engine *f = calloc(1, sizeof(*f));

	pthread_mutex_init(&f->mutex, NULL);
	pthread_cond_init(&f->changed, NULL);
	return f;
}

struct fake_engine *fake_engine_free(struct fake_engine *f)
{
	for (size_t i = 0; i < f->subscribed; i++) {
		outbox_unref(f->subscriptions[i].outbox);
		subscription_spec_free(f->subscriptions[i].spec);
	}
	pthread_cond_destroy(&f->changed);
	pthread_mutex_destroy(&f->mutex);
	free(f);
	return NULL;
}

static struct engine_subscription *take_in(struct fake_engine *f, struct subscription_spec *spec, struct outbox *outbox)
{
	struct engine_subscription *s = NULL;

	pthread_mutex_lock(&f->mutex);
	if (!f->refusing && f->subscribed < SUBSCRIPTIONS_MAX) {
		s = &f->subscriptions[f->subscribed++];
		s->outbox = outbox_ref(outbox);
		s->spec = spec;
		pthread_cond_broadcast(&f->changed);
	}
	pthread_mutex_unlock(&f->mutex);
	if (!s)
		subscription_spec_free(spec);
	return s;
}

static struct engine_subscription *subscribe(struct engine *e, struct subscription_spec *spec, struct encoder *encoder,
					     struct outbox *outbox,
					     struct chunk *(*first)(void *context, const struct subscriber_statuses *statuses),
					     void *first_context)
{
	const struct subscriber_statuses statuses = {.count = 1};
	struct chunk *c;

	(void)encoder;
	c = first(first_context, &statuses);
	outbox_put(outbox, c);
	chunk_unref(c);
	return take_in((struct fake_engine *)e, spec, outbox);
}

static void unsubscribe(struct engine *e, struct engine_subscription *subscription)
{
	struct fake_engine *f = (struct fake_engine *)e;

	pthread_mutex_lock(&f->mutex);
	if (!subscription->given_back)
		f->unsubscribed++;
	subscription->given_back = true;
	pthread_cond_broadcast(&f->changed);
	pthread_mutex_unlock(&f->mutex);
}

static int call(struct engine *e, engine_call_fn fn, void *context)
{
	struct fake_engine *f = (struct fake_engine *)e;
	bool refusing;

	pthread_mutex_lock(&f->mutex);
	refusing = f->refusing;
	pthread_mutex_unlock(&f->mutex);
	if (refusing)
		return -ESHUTDOWN;
	fn(e, context);
	return 0;
}

static const struct container_table *containers(struct engine *e)
{
	struct fake_engine *f = (struct fake_engine *)e;
	const struct container_table *table;

	pthread_mutex_lock(&f->mutex);
	table = f->containers;
	pthread_mutex_unlock(&f->mutex);
	return table;
}

static struct container_fact *read_container(struct engine *e, const char *id, enum container_runtime runtime)
{
	struct fake_engine *f = (struct fake_engine *)e;
	struct container_fact *facts;

	pthread_mutex_lock(&f->mutex);
	facts = f->read_container ? f->read_container(id, runtime) : NULL;
	pthread_mutex_unlock(&f->mutex);
	return facts;
}

void fake_engine_backend(struct fake_engine *f, struct telemetry_backend *ret)
{
	ret->engine = (struct engine *)f;
	ret->subscribe = subscribe;
	ret->unsubscribe = unsubscribe;
	ret->call = call;
	ret->containers = containers;
	ret->read_container = read_container;
}

void fake_engine_set_containers(struct fake_engine *f, const struct container_table *table)
{
	pthread_mutex_lock(&f->mutex);
	f->containers = table;
	pthread_mutex_unlock(&f->mutex);
}

void fake_engine_set_read_container(struct fake_engine *f, struct container_fact *(*read)(const char *id, enum container_runtime runtime))
{
	pthread_mutex_lock(&f->mutex);
	f->read_container = read;
	pthread_mutex_unlock(&f->mutex);
}

void fake_engine_refuse(struct fake_engine *f)
{
	pthread_mutex_lock(&f->mutex);
	f->refusing = true;
	pthread_mutex_unlock(&f->mutex);
}

/* With the mutex held. */
static bool wait_for_count(struct fake_engine *f, const size_t *counter, size_t count)
{
	uint64_t deadline_ns = clock_realtime_ns() + 10 * NSEC_PER_SEC;
	const struct timespec deadline = {.tv_sec = (time_t)(deadline_ns / NSEC_PER_SEC), .tv_nsec = (long)(deadline_ns % NSEC_PER_SEC)};

	while (*counter < count) {
		if (pthread_cond_timedwait(&f->changed, &f->mutex, &deadline) == ETIMEDOUT)
			return false;
	}
	return true;
}

struct outbox *fake_engine_outbox(struct fake_engine *f, size_t i)
{
	struct outbox *outbox = NULL;

	pthread_mutex_lock(&f->mutex);
	if (wait_for_count(f, &f->subscribed, i + 1))
		outbox = f->subscriptions[i].outbox;
	pthread_mutex_unlock(&f->mutex);
	return outbox;
}

const struct subscription_spec *fake_engine_spec(struct fake_engine *f, size_t i)
{
	const struct subscription_spec *spec;

	pthread_mutex_lock(&f->mutex);
	spec = i < f->subscribed ? f->subscriptions[i].spec : NULL;
	pthread_mutex_unlock(&f->mutex);
	return spec;
}

bool fake_engine_wait_unsubscribed(struct fake_engine *f, size_t count)
{
	bool came;

	pthread_mutex_lock(&f->mutex);
	came = wait_for_count(f, &f->unsubscribed, count);
	pthread_mutex_unlock(&f->mutex);
	return came;
}
