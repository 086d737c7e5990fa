/*
 * request_internal.h - what the three files of a request share: request.c (the
 * steps), request_io.c (what comes and goes meanwhile), request_life.c (how it
 * begins and ends).
 */
#ifndef PROXY_REQUEST_INTERNAL_H
#define PROXY_REQUEST_INTERNAL_H

#include "proxy/request.h"

extern const struct step request_steps[];
extern const size_t request_n_steps;

/* --- request_io.c --- */
extern const struct conn_events request_conn_events;
extern const struct upstream_events request_upstream_events;

/* What is sent as a body: collected and spliced, or streamed; NULL: none. */
const struct upstream_body *request_upload(struct request *rq);
void request_reply_head(struct request *rq, const struct upstream_reply *reply);
void request_on_recalled(void *arg, const struct recall_answer *a);
/* The blocks of this request as insertions. 0 or -ENOMEM. */
int request_make_insertions(struct request *rq);
/* Nobody reads the body again: the reply may take minutes. */
void request_drop_body(struct request *rq);
/* Has the new block recorded with its turn. */
void request_keep_block(struct request *rq);
/* Gives up what is awaited, and the record with it. */
void request_drop_pending(struct request *rq);
/* Has it kept that the request's blocks were refused: they are not to be put back. */
void request_keep_refused(struct request *rq);
/* Hands the exchange to the memory service; NULL as memory_keep(). */
struct op *request_keep(struct request *rq, enum exchange_state state, struct str reply);

/* --- request_life.c --- */
/* The request id: the client's if it may be one, else made. */
void request_identify(struct request *rq);
struct str request_new_session(struct request *rq);
void request_note(struct request *rq, enum memory_status s);

#endif
