#ifndef SENSOR_PROBE_H
#define SENSOR_PROBE_H

#include "sensor/probe_kernel.h"
#include "sensor/source.h"

/*
 * A row of a source's table, installed in the kernel: its event in the sample source, its fields compiled. Used by the sensor and by trials.
 *
 * The loop thread.
 */
struct probe {
	struct source_instance instance;
	struct kernel_event *event;    /* NULL: not installed */
	char *filter;                  /* as asked for, without our own threads' part; NULL: none */
	struct probe_request *request; /* a reference, for a probe that a client asked for; NULL: a row of our tables */
	/* For the sensor: what the current plan makes of it. */
	bool wanted;
	const char *wanted_filter;
	struct probe *prev, *next;
};

/* Installs it with the kernel filter, or without one when the kernel refuses that: a filter is only there to save work. The kernel event's owner
 * is the probe. -ENOENT and the like when this kernel does not have it. */
int probe_install(struct probe *p, const struct source_probe *row, struct probe_kernel *kernel, struct sample_source *source,
		  const char *filter, struct error *err);

/* Another filter, or none when the kernel refuses it. */
int probe_refilter(struct probe *p, struct sample_source *source, const char *filter, struct error *err);

/* Takes one that is not installed, too. */
void probe_remove(struct probe *p, struct sample_source *source);

/* "kprobe", "uretprobe", ... */
const char *probe_sort(enum source_probe_type type);

#endif
