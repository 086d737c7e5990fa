/* upstream.c - hands each call on to the implementation. */
#include "net/upstream.h"

#include <stddef.h>

static const struct upstream_ops *ops_of(struct op *op)
{
	return ((struct upstream_op *)op)->up->ops;
}

struct op *upstream_send(struct upstream *up, const struct upstream_request *rq,
			 const struct upstream_events *ev, void *arg)
{
	return up->ops->send(up, rq, ev, arg);
}

void upstream_resume(struct op *op)
{
	ops_of(op)->resume(op);
}

void upstream_body_ready(struct op *op)
{
	ops_of(op)->body_ready(op);
}

void upstream_stats(const struct upstream *up, struct upstream_stats *ret)
{
	up->ops->stats(up, ret);
}

void upstream_free(struct upstream *up)
{
	if (up != NULL)
		up->ops->free(up);
}
