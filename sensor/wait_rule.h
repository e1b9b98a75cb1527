#ifndef SENSOR_WAIT_RULE_H
#define SENSOR_WAIT_RULE_H

#include <stdbool.h>

/*
 * Whose code wait(2) reports for a process of which every thread ended by exit(2), the last one not being the main thread: the main
 * thread's (true) or the last one's (false; from Linux 6.0 on). Found by trying, once: a child with a second thread does it. Blocks for about
 * a millisecond the first time; rarely needed. Takes the last one's when it cannot try.
 */
bool wait_rule_takes_main_thread(void);

#endif
