/* failing_heap.c - lets one allocation of the program fail. */
#include "failing_heap.h"

#include <stddef.h>

void *__real_malloc(size_t n);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_realloc(void *p, size_t n);

struct countdown {
	long left; /* zero: none will fail */
	bool failed;
};

static struct countdown *countdown(void)
{
	static struct countdown c;

	return &c;
}

static bool fails_now(void)
{
	struct countdown *c = countdown();

	if (c->left == 0 || --c->left > 0)
		return false;
	c->failed = true;
	return true;
}

void heap_fail_at(long n)
{
	*countdown() = (struct countdown){ n, false };
}

bool heap_has_failed(void)
{
	return countdown()->failed;
}

void *__wrap_malloc(size_t n)
{
	return fails_now() ? NULL : __real_malloc(n);
}

void *__wrap_realloc(void *p, size_t n)
{
	return fails_now() ? NULL : __real_realloc(p, n);
}
