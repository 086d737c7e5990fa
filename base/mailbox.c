/*
 * mailbox.c - messages to one thread from any number of others, without a lock.
 *
 * Whoever finds the box empty wakes the taker, and the taker clears the wake-up
 * before it empties the box: a push that comes in between is taken at once and
 * leaves at worst a wake-up for an empty box, never a mail without one.
 */
#include "base/mailbox.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct mailbox {
	_Atomic(struct mail *) newest;
	int fd;
};

struct mailbox *mailbox_new(void)
{
	struct mailbox *b = malloc(sizeof(*b));

	if (b == NULL)
		return NULL;
	atomic_init(&b->newest, NULL);
	b->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (b->fd < 0) {
		free(b);
		return NULL;
	}
	return b;
}

void mailbox_free(struct mailbox *b)
{
	if (b == NULL)
		return;
	close(b->fd);
	free(b);
}

int mailbox_fd(const struct mailbox *b)
{
	return b->fd;
}

void mailbox_push(struct mailbox *b, struct mail *m)
{
	struct mail *head = atomic_load_explicit(&b->newest, memory_order_relaxed);
	const uint64_t one = 1;
	ssize_t written;

	do {
		m->next = head;
	} while (!atomic_compare_exchange_weak_explicit(
		&b->newest, &head, m, memory_order_release, memory_order_relaxed));
	if (head != NULL)
		return;
	/* Fails only where the counter is full: then it is readable anyway. */
	written = write(b->fd, &one, sizeof(one));
	(void)written;
}

struct mail *mailbox_take(struct mailbox *b)
{
	struct mail *m, *next, *oldest = NULL;
	uint64_t count;
	ssize_t got = read(b->fd, &count, sizeof(count));

	(void)got;
	m = atomic_exchange_explicit(&b->newest, NULL, memory_order_acquire);
	for (; m != NULL; m = next) {
		next = m->next;
		m->next = oldest;
		oldest = m;
	}
	return oldest;
}
