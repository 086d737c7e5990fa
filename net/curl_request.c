/* curl_request.c - sets a libcurl handle to a request. */
#include "net/curl_transfer.h"
#include "net/h1_parse.h"

#include <stdlib.h>
#include <string.h>

/* libcurl sends a body of less than 64 KB with the head; larger ones are copied
 * no more often when they are read as they go out. */
#define EARLY_BODY_MAX 16384

/* A request's fields, looked through once before they are written. */
struct survey {
	size_t size; /* of all texts */
	size_t early;
	bool accept, type;
};

/* Framing is libcurl's, from the body's length. */
static bool is_framing(struct str name)
{
	switch (name.len) {
	case 6:
		return h1_same(name, STR("expect"));
	case 14:
		return h1_same(name, STR("content-length"));
	case 17:
		return h1_same(name, STR("transfer-encoding"));
	default:
		return false;
	}
}

static bool survey_fields(struct headers h, struct survey *s)
{
	for (size_t i = 0; i < h.n; i++) {
		struct str name = h.v[i].name;

		if (!h1_is_token(name) || !h1_is_value(h.v[i].value))
			return false;
		s->size += name.len + h.v[i].value.len + sizeof(": ");
		s->accept |= h1_same(name, STR("accept"));
		s->type |= h1_same(name, STR("content-type"));
	}
	return true;
}

static bool survey_request(const struct transfer *t, const struct upstream_request *rq,
			   struct survey *s)
{
	int64_t length = rq->body ? rq->body->length : -1;

	*s = (struct survey){ 0 };
	if (!h1_is_token(rq->method) || !h1_is_target(rq->target) ||
	    !survey_fields(rq->headers, s))
		return false;
	if (length >= 0 && length <= EARLY_BODY_MAX)
		s->early = (size_t)length;
	s->size += sizeof("Accept:") + sizeof("Expect:") + sizeof("Content-Type:") +
		   rq->method.len + 1 + t->shared->prefix.len + rq->target.len + 1 +
		   s->early + 1;
	return true;
}

/* Writes nodes and texts into a transfer's block, which is large enough. */
struct writer {
	struct curl_slist *node; /* the next free */
	char *text;
};

static char *write_text(struct writer *w, struct str a, struct str b)
{
	char *start = w->text;

	if (a.len > 0)
		memcpy(w->text, a.p, a.len);
	w->text += a.len;
	memcpy(w->text, b.p, b.len);
	w->text += b.len;
	*w->text++ = '\0';
	return start;
}

static void add_node(struct writer *w, char *text)
{
	*w->node = (struct curl_slist){ .data = text, .next = w->node + 1 };
	w->node++;
}

static void add_field(struct writer *w, const struct header *h)
{
	char *start = w->text;

	memcpy(w->text, h->name.p, h->name.len);
	w->text += h->name.len;
	if (h->value.len == 0) {
		add_node(w, start);
		write_text(w, STR(";"), STR("")); /* libcurl's way to say "empty" */
		return;
	}
	add_node(w, start);
	write_text(w, STR(": "), h->value);
}

/* A name and a colon alone keep libcurl from adding a field of its own. */
static void write_fields(struct writer *w, const struct upstream_request *rq,
			 const struct survey *s)
{
	for (size_t i = 0; i < rq->headers.n; i++)
		if (!is_framing(rq->headers.v[i].name))
			add_field(w, &rq->headers.v[i]);
	if (rq->body) {
		add_node(w, write_text(w, STR("Expect:"), STR("")));
		if (!s->type)
			add_node(w, write_text(w, STR("Content-Type:"), STR("")));
	}
	if (!s->accept)
		add_node(w, write_text(w, STR("Accept:"), STR("")));
}

/* libcurl copies a text at every setting of it: not where it has it already. */
static CURLcode set_text(CURL *easy, CURLoption option, char *has, size_t has_size,
			 const char *text)
{
	size_t n = strlen(text) + 1;
	CURLcode rc;

	if (n <= has_size && memcmp(has, text, n) == 0)
		return CURLE_OK;
	*has = '\0';
	rc = curl_easy_setopt(easy, option, text);
	if (!rc && n <= has_size)
		memcpy(has, text, n);
	return rc;
}

static CURLcode set_kind(struct transfer *t, enum transfer_kind kind)
{
	CURLcode rc = CURLE_OK;

	if (t->kind == kind)
		return CURLE_OK;
	SET_OPTION(rc, t->easy, CURLOPT_HTTPGET, 1L); /* undoes the others */
	if (kind == TRANSFER_HEAD)
		SET_OPTION(rc, t->easy, CURLOPT_NOBODY, 1L);
	else if (kind == TRANSFER_POST)
		SET_OPTION(rc, t->easy, CURLOPT_POST, 1L);
	else if (kind == TRANSFER_UPLOAD)
		SET_OPTION(rc, t->easy, CURLOPT_UPLOAD, 1L);
	t->kind = kind;
	return rc;
}

static bool fit_block(struct transfer *t, size_t size)
{
	if (size <= t->block_size)
		return true;
	free(t->block);
	t->block = malloc(size);
	t->block_size = t->block ? size : 0;
	return t->block != NULL;
}

static CURLcode set_request(struct transfer *t, struct curl_slist *fields,
			    const char *method, const char *target)
{
	CURLcode rc = CURLE_OK;

	SET_OPTION(rc, t->easy, CURLOPT_HTTPHEADER, fields);
	if (!rc)
		rc = set_text(t->easy, CURLOPT_CUSTOMREQUEST, t->method,
			      sizeof(t->method), method);
	if (!rc)
		rc = set_text(t->easy, CURLOPT_REQUEST_TARGET, t->target,
			      sizeof(t->target), target);
	if (!rc && strcmp(method, "HEAD") == 0)
		rc = set_kind(t, TRANSFER_HEAD);
	else if (!rc && !t->run.has_body)
		rc = set_kind(t, TRANSFER_GET);
	return rc;
}

enum fault transfer_prepare(struct transfer *t, const struct upstream_request *rq)
{
	size_t n_nodes = rq->headers.n + 3;
	struct str prefix = t->shared->prefix;
	struct curl_slist *list;
	struct survey s;
	struct writer w;
	char *method, *target;

	if (!survey_request(t, rq, &s))
		return FAULT_BAD_REQUEST;
	if (!fit_block(t, n_nodes * sizeof(*list) + s.size))
		return FAULT_INTERNAL;
	list = (struct curl_slist *)(void *)t->block;
	w = (struct writer){ list, (char *)(list + n_nodes) };
	write_fields(&w, rq, &s);
	if (w.node > list)
		w.node[-1].next = NULL;
	method = write_text(&w, STR(""), rq->method);
	target = write_text(&w, str_eq(rq->target, STR("*")) ? STR("") : prefix,
			    rq->target);
	t->early_body = w.text;
	t->run.has_body = rq->body && !str_eq(rq->method, STR("HEAD"));
	if (t->run.has_body)
		t->run.body = *rq->body;
	return set_request(t, w.node > list ? list : NULL, method, target)
		       ? FAULT_INTERNAL
		       : FAULT_NONE;
}

/* Whether all of the body is in memory now. */
static enum fault fetch_early(struct transfer *t, bool *whole)
{
	struct transfer_run *r = &t->run;

	*whole = false;
	if (r->body.length < 0 || r->body.length > EARLY_BODY_MAX)
		return FAULT_NONE;
	while (r->early < (size_t)r->body.length) {
		ssize_t got = r->body.read(r->body.arg, t->early_body + r->early,
					   (size_t)r->body.length - r->early);

		if (r->cancelled || got == UPSTREAM_BODY_WAIT)
			return FAULT_NONE;
		if (got <= 0)
			return FAULT_BAD_REQUEST;
		r->early += (size_t)got;
	}
	*whole = true;
	return FAULT_NONE;
}

enum fault transfer_begin(struct transfer *t)
{
	struct transfer_run *r = &t->run;
	enum fault fault;
	CURLcode rc;
	bool whole;

	if (!r->has_body)
		return FAULT_NONE;
	fault = fetch_early(t, &whole);
	if (fault || r->cancelled)
		return fault;
	r->body_read = r->early;
	if (whole) {
		rc = set_kind(t, TRANSFER_POST);
		SET_OPTION(rc, t->easy, CURLOPT_POSTFIELDSIZE_LARGE,
			   (curl_off_t)r->early);
		SET_OPTION(rc, t->easy, CURLOPT_POSTFIELDS, t->early_body);
	} else {
		rc = set_kind(t, TRANSFER_UPLOAD);
		SET_OPTION(rc, t->easy, CURLOPT_INFILESIZE_LARGE,
			   (curl_off_t)r->body.length);
	}
	return rc ? FAULT_INTERNAL : FAULT_NONE;
}
