/*
 * mailbox.h - messages to one thread from any number of others, without a lock.
 *
 * Intrusive: a message embeds a struct mail. A push is one compare-and-swap
 * (and an eventfd write where the box was empty); a take empties the box with
 * one exchange and gives the mails in the order of their pushes.
 * (R. K. Treiber, Systems programming: coping with parallelism, IBM RJ 5118,
 * 1986; taking everything at once avoids its ABA problem.)
 */
#ifndef BASE_MAILBOX_H
#define BASE_MAILBOX_H

struct mail {
	struct mail *next;
};

struct mailbox;

/* NULL when out of memory or descriptors. */
struct mailbox *mailbox_new(void);
/* The box must be empty, and nobody may push any more. NULL is fine. */
void mailbox_free(struct mailbox *b);
/* Becomes readable when the box is no longer empty; for the taker's event loop. */
int mailbox_fd(const struct mailbox *b);
/* From any thread. m stays where it is until it is taken. */
void mailbox_push(struct mailbox *b, struct mail *m);
/* From the one taking thread: all there is, oldest first, or NULL. */
struct mail *mailbox_take(struct mailbox *b);

#endif
