#include "sensor/source.h"

const struct source_capture network_captures[] = {{0}};
const size_t network_capture_count = 0;
