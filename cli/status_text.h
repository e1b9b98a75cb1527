#ifndef CLI_STATUS_TEXT_H
#define CLI_STATUS_TEXT_H

#include "base/buffer.h"
#include "ringside/v0/sensor.pb-c.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * A sensor's answer to ringside.v0.SensorService.GetStatus, for people. Pure; `now_ns` (CLOCK_REALTIME) is what its uptime is counted to.
 */
void status_text_put(struct buffer *out, bool color, const Ringside__V0__GetStatusResponse *status, uint64_t now_ns);

#endif
