/* op.c - cancelling, where there is something to cancel. */
#include "base/op.h"

#include <stddef.h>

void op_cancel(struct op *op)
{
	if (op != NULL)
		op->ops->cancel(op);
}
