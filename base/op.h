/*
 * op.h - the contract of every asynchronous operation.
 *
 *  1. The callback runs exactly once, unless the op was cancelled first.
 *  2. It may run before the function that submitted the op returns; that
 *     function then returns NULL. Who promises more says so (net/upstream.h
 *     never calls back inline).
 *  3. After op_cancel() the callback never runs, even where the work itself
 *     cannot be stopped: it then ends unseen. op_cancel(NULL) does nothing.
 *  4. Inside the callback the handle is already dead.
 */
#ifndef BASE_OP_H
#define BASE_OP_H

struct op;

struct op_ops {
	void (*cancel)(struct op *op);
};

/* First member of every concrete op. */
struct op {
	const struct op_ops *ops;
};

void op_cancel(struct op *op);

#endif
