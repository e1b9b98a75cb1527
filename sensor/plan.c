#include "sensor/plan.h"

#include <errno.h>
#include <stdlib.h>

int plan_add_request(struct plan *p, struct probe_request *request, struct error *refusal)
{
	struct plan_request *requests;

	for (size_t i = 0; i < p->request_count; i++)
		if (p->requests[i].request == request)
			return 0;
	requests = reallocarray(p->requests, p->request_count + 1, sizeof(*requests));
	if (!requests)
		return -ENOMEM;
	p->requests = requests;
	requests[p->request_count++] = (struct plan_request){.request = probe_request_ref(request), .refusal = refusal};
	return 0;
}

void plan_done(struct plan *p)
{
	for (size_t i = 0; i < EVENT_KIND_COUNT; i++) {
		struct plan_entry *entry = &p->kinds[i];

		free(entry->filter);
		for (size_t weaker = 0; weaker < entry->weaker_count; weaker++)
			free(entry->weaker[weaker].text);
	}
	for (size_t i = 0; i < p->request_count; i++)
		probe_request_unref(p->requests[i].request);
	free(p->requests);
	*p = (struct plan){0};
}
