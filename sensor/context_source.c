#include "sensor/source.h"

const struct source_capture process_captures[] = {{0}};
const size_t process_capture_count = 0;
