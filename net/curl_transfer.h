/*
 * curl_transfer.h - one request on a libcurl handle, and its reply.
 *
 * A transfer owns its handle and its memory and is used for one request after
 * another (a handle costs 4 µs and 6 KB to make). What libcurl calls ends up in
 * here; when a transfer begins, goes on and ends is upstream_curl.c's.
 */
#ifndef NET_CURL_TRANSFER_H
#define NET_CURL_TRANSFER_H

#include "base/buf.h"
#include "net/h1.h"
#include "net/upstream.h"

#include <sys/queue.h>

#include <curl/curl.h>

/* Sets an option unless one before it failed. */
#define SET_OPTION(rc, easy, option, value)                           \
	do {                                                          \
		if (!(rc))                                            \
			(rc) = curl_easy_setopt(easy, option, value); \
	} while (0)

/* What a libcurl handle is set to. */
enum transfer_kind {
	TRANSFER_GET,    /* no body */
	TRANSFER_HEAD,   /* no body, and none in the reply */
	TRANSFER_POST,   /* a body in memory; goes out together with the head */
	TRANSFER_UPLOAD, /* a body that is read as it is sent */
};

enum transfer_state {
	TRANSFER_FRESH,   /* waits for the loop's next turn */
	TRANSFER_RUNNING, /* libcurl's */
	TRANSFER_ENDED,
};

/* What all transfers of an upstream share. */
struct transfer_shared {
	struct curl_loop *loop; /* borrowed */
	const struct clock *clock;
	CURLU *url;        /* scheme and authority; owned */
	char *path;        /* what stood behind them; libcurl's to free */
	struct str prefix; /* of every target; borrowed from path */
	long connect_timeout_ms;
	struct h1_head head; /* of the reply just looked at */
};

/* The request under way; zeroed for each. */
struct transfer_run {
	enum transfer_state state;
	const struct upstream_events *ev;
	void *arg;
	struct upstream_body body;
	bool has_body, body_done;
	uint64_t body_read;       /* bytes taken from body.read */
	size_t early, early_sent; /* of them, what was read before the request began */
	bool cancelled;
	bool queued;                /* is in the upstream's list of those to attend to */
	bool paused;                /* on_body said so */
	bool recv_held, send_held;  /* libcurl was told so */
	bool send_ready;            /* body.read has something again */
	bool connected;             /* so moved_ms counts */
	struct loop_socket *socket; /* of a connection used before */
	bool again;                 /* prereq has been passed once */
	bool head_done;
	bool over; /* to be ended by us, not by libcurl */
	enum fault over_fault;
	uint64_t moved_ms; /* when the last of the request, so far, was taken */
	uint64_t received;
	int64_t length;   /* of the reply; -1 */
	enum fault fault; /* found here; comes before what libcurl says */
	const char *detail;
};

struct transfer {
	struct upstream_op op; /* first */
	struct transfer_shared *shared;
	CURL *easy;
	LIST_ENTRY(transfer) active;
	TAILQ_ENTRY(transfer) queue; /* fresh ones, or those to attend to */
	/* what the handle is set to, so that nothing is set twice */
	enum transfer_kind kind;
	char method[16], target[128];
	bool no_reuse;
	/* memory that stays */
	char *block; /* header list, its texts, the target, an early body */
	size_t block_size;
	char *early_body; /* in the block */
	struct buf head;
	char error[CURL_ERROR_SIZE];
	struct transfer_run run;
};

/* 0, -EINVAL (the URL) or -ENOMEM. */
int transfer_shared_init(struct transfer_shared *s, const struct upstream_config *cfg,
			 const struct clock *clock);
void transfer_shared_done(struct transfer_shared *s);

/* NULL when out of memory. */
struct transfer *transfer_new(struct transfer_shared *shared);
void transfer_free(struct transfer *t);

/*
 * Sets the handle to this request. FAULT_NONE, FAULT_BAD_REQUEST (a method,
 * target or field that must not be sent) or FAULT_INTERNAL (out of memory).
 */
enum fault transfer_prepare(struct transfer *t, const struct upstream_request *rq);
/*
 * Just before the handle is given to libcurl: reads a short body, so that it can
 * go out in one piece with the head. May call body.read.
 */
enum fault transfer_begin(struct transfer *t);
/* It is for the server to act now: the deadline for its reply runs anew. */
void transfer_moved(struct transfer *t);
/* What libcurl's result means. *detail is valid until the transfer is used again. */
enum fault transfer_verdict(struct transfer *t, CURLcode rc, const char **detail);
/* Gives back large memory and the last request's settings. */
void transfer_reset(struct transfer *t);

#endif
