#include "cli/watch_options.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/parse.h"

#include <errno.h>
#include <unistd.h>

/* `unit_ns`: it has to be a whole number of these, at least one; 0: anything. */
static bool parse_duration_option(const char *verb, const char *name, uint64_t unit_ns, uint64_t *ret_ns)
{
	struct error err;

	if (parse_duration(optarg, ret_ns, &err))
		usage_error(verb, "--%s: %s", name, err.message);
	else if (*ret_ns > INT64_MAX)
		usage_error(verb, "--%s: \"%s\" is too long: at most 292 years are possible", name, optarg);
	else if (unit_ns && (!*ret_ns || *ret_ns % unit_ns))
		usage_error(verb, "--%s: \"%s\" is not a whole number of milliseconds of at least 1", name, optarg);
	else
		return true;
	return false;
}

static bool add_container(struct watch_options *o, const char *verb)
{
	struct error err;

	if (!o->containers)
		o->containers = container_filter_new();
	if (!o->containers)
		error_set(&err, -ENOMEM, "out of memory");
	else if (!container_filter_add_any(o->containers, optarg, &err))
		return true;
	usage_error(verb, "--container: %s", err.message);
	return false;
}

bool watch_options_take(struct watch_options *o, const char *verb, int option)
{
	struct error err;

	switch (option) {
	case 'C':
		return add_container(o, verb);
	case 'n':
		if (!parse_number(optarg, 1, INT64_MAX, &o->limit, &err))
			return true;
		usage_error(verb, "--limit: %s", err.message);
		return false;
	case 't':
		return parse_duration_option(verb, "throttle", NSEC_PER_MSEC, &o->throttle_ns);
	case 'F':
		o->file = optarg;
		return true;
	case 's':
		o->has_since = true;
		return parse_duration_option(verb, "since", 0, &o->since_ns);
	case 'f':
		o->has_for = true;
		return parse_duration_option(verb, "for", 0, &o->for_ns);
	case 'o':
		return output_form_parse(verb, optarg, OUTPUT_FORMS_USUAL | OUTPUT_FORM_BIT(OUTPUT_NONE), &o->form);
	case 'c':
		return color_option_parse(verb, optarg, &o->color);
	case 'q':
		o->quiet = true;
		return true;
	default:
		return false;
	}
}

static void set_modifiers(struct watch_options *o, struct subscription_spec *spec)
{
	if (o->limit)
		spec->limit = o->limit;
	if (o->throttle_ns)
		spec->throttle_ns = o->throttle_ns;
	if (o->has_since)
		spec->since_ns = o->since_ns;
	if (o->has_for) {
		spec->for_ns = o->for_ns;
		spec->has_for = true;
	}
	if (o->containers) {
		container_filter_free(spec->containers);
		spec->containers = take_pointer(o->containers);
	}
}

bool watch_options_read_query(struct watch_options *o, const char *verb, char *const *words, size_t count, struct watch_query *ret)
{
	bool has_modifiers = o->limit || o->throttle_ns || o->has_since || o->has_for || o->containers;

	if (watch_query_read(ret, words, count, o->file)) {
		text_flush(&ret->report, STDERR_FILENO);
		return false;
	}
	if (ret->is_json && has_modifiers) {
		usage_error(verb, "%s is a whole subscription: --limit and the like have to stand in it", o->file);
		return false;
	}
	if (!ret->is_json)
		set_modifiers(o, ret->spec);
	return true;
}

void watch_options_done(struct watch_options *o)
{
	o->containers = container_filter_free(o->containers);
}
