#include "sensor/plan.h"

#include <stdlib.h>

void plan_done(struct plan *p)
{
	for (size_t i = 0; i < EVENT_KIND_COUNT; i++)
		free(p->kinds[i].filter);
	*p = (struct plan){0};
}
