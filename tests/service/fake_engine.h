#ifndef TESTS_SERVICE_FAKE_ENGINE_H
#define TESTS_SERVICE_FAKE_ENGINE_H

#include "service/telemetry.h"

/*
 * What stands behind the services in the tests: it accepts every subscription, answers it with the first chunk, and leaves the outbox to
 * the test, which puts events in from its own thread like the loop thread does. The functions are the backend's; the rest is for the test.
 */
struct fake_engine;

struct fake_engine *fake_engine_new(void);
struct fake_engine *fake_engine_free(struct fake_engine *f);

/* Fills the functions and the engine in. */
void fake_engine_backend(struct fake_engine *f, struct telemetry_backend *ret);

/* From now on subscriptions and calls are refused, like by an engine that stops. */
void fake_engine_refuse(struct fake_engine *f);

/* What the backend's containers() gives from now on; the test's. */
void fake_engine_set_containers(struct fake_engine *f, const struct container_table *containers);

/* What the backend's read_container() calls from now on; until then, it knows nothing. */
void fake_engine_set_read_container(struct fake_engine *f, struct container_fact *(*read)(const char *id, enum container_runtime runtime));

/* Waits until `i` + 1 subscriptions have been made; the outbox of number `i`, which lives as long as the fake. NULL after 10 s. */
struct outbox *fake_engine_outbox(struct fake_engine *f, size_t i);

/* What number `i` asked for, after its outbox has been had; lives as long as the fake. */
const struct subscription_spec *fake_engine_spec(struct fake_engine *f, size_t i);

/* Waits until `count` subscriptions have been given back. False after 10 s. */
bool fake_engine_wait_unsubscribed(struct fake_engine *f, size_t count);

#endif
