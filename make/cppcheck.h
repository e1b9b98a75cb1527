/* What the loops of utlist and uthash are, for cppcheck, which does not read system headers. */
#define LL_FOREACH(head, el)		for ((el) = (head); (el); (el) = (el)->next)
#define DL_FOREACH(head, el)		for ((el) = (head); (el); (el) = (el)->next)
#define DL_FOREACH2(head, el, next_)	for ((el) = (head); (el); (el) = (el)->next_)
#define LL_FOREACH_SAFE(head, el, tmp)	for ((el) = (head); (el) && ((tmp) = (el)->next, 1); (el) = (tmp))
#define DL_FOREACH_SAFE(head, el, tmp)	for ((el) = (head); (el) && ((tmp) = (el)->next, 1); (el) = (tmp))
#define HASH_ITER(hh_, head, el, tmp)	for ((el) = (head); (el) && ((tmp) = (el)->hh_.next, 1); (el) = (tmp))
