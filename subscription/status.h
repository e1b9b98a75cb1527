#ifndef SUBSCRIPTION_STATUS_H
#define SUBSCRIPTION_STATUS_H

/* The codes of google.rpc.Code (googleapis: google/rpc/code.proto) that subscriptions are answered and ended with; gRPC's are the same. */
enum status_code {
	STATUS_OK = 0,
	STATUS_INVALID_ARGUMENT = 3,
	STATUS_PERMISSION_DENIED = 7,
	STATUS_RESOURCE_EXHAUSTED = 8,
	STATUS_FAILED_PRECONDITION = 9,
	STATUS_OUT_OF_RANGE = 11,
	STATUS_UNIMPLEMENTED = 12,
	STATUS_INTERNAL = 13,
	STATUS_UNAVAILABLE = 14,
};

#endif
