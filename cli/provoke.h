#ifndef CLI_PROVOKE_H
#define CLI_PROVOKE_H

#include "base/error.h"

#include <sys/types.h>

/*
 * Makes a process event of every kind, and system calls, happen on one CPU: this thread, bound to `cpu` for as long as it takes, forks a
 * child (tracing/provoke.h) that executes `PROGRAM --version`, and waits until it has ended. What it writes goes nowhere. *ret_child gets its
 * pid.
 */
int provoke_events(const char *program, int cpu, pid_t *ret_child, struct error *err);

#endif
