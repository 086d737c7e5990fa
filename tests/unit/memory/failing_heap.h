/* failing_heap.h - lets one allocation of the program fail: link with
 * --wrap=malloc,realloc. */
#ifndef TESTS_MEMORY_FAILING_HEAP_H
#define TESTS_MEMORY_FAILING_HEAP_H

#include <stdbool.h>

/* The n-th allocation from now on fails, counted from one; zero: none. */
void heap_fail_at(long n);
/* Has it? */
bool heap_has_failed(void);

#endif
