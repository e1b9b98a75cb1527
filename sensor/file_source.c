#include "sensor/source.h"

const struct source_capture file_captures[] = {{0}};
const size_t file_capture_count = 0;
