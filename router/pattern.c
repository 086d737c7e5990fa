/*
 * pattern.c - rules of the configuration, compiled: a header and what it must hold.
 *
 * Patterns were written for Python's re.search(pattern, value, re.IGNORECASE),
 * and PCRE2 means the same by what such patterns are made of: not anchored,
 * alternatives tried in order, `$` also before a final newline (of which
 * headers have none). Where the two differ:
 *
 *   - Headers are bytes of no declared encoding (RFC 9110, section 5.5), and so
 *     are they here: no UTF mode, in which one byte out of place would make
 *     every match fail. A letter like é in a pattern matches its UTF-8 bytes,
 *     but not É, and [é] is two bytes; \w, \d and \s are ASCII.
 *   - \Z is \z in PCRE2 up to a final newline; {,3} is these four characters
 *     before PCRE2 10.43, in Python zero to three; [[:alpha:]] is a class in
 *     PCRE2 only; \Q, \K, \R, recursion and verbs exist in PCRE2 only; \u00e9,
 *     (?a), (?L) and (?u) in Python only, and are reported when the
 *     configuration is read.
 *   - Python backtracks for as long as it takes; here a match that takes more
 *     than MATCH_LIMIT steps is given up, is no match, and is counted:
 *     ^(a+)+$ on forty a's and a ! ends after 20 µs (measured) instead of hours.
 */
#include "router/pattern.h"

#include <errno.h>
#include <stdlib.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

enum {
	/* Of each place where a match may begin; honest patterns take tens. */
	MATCH_LIMIT = 10000,
	/* The interpreter's, where there is no JIT or its stack is full. */
	DEPTH_LIMIT = 5000,
	HEAP_LIMIT_KIB = 1024,
};

/*
 * \C could split a character; (*UTF) and (*UCP) at a pattern's start would turn
 * on what is off above.
 */
static const uint32_t options =
	PCRE2_CASELESS | PCRE2_NEVER_BACKSLASH_C | PCRE2_NEVER_UTF | PCRE2_NEVER_UCP;

struct pattern {
	const struct config_rule *rule;
	struct str header;
	bool same_header; /* as the rule before */
	pcre2_code *code; /* NULL: the header's presence is enough */
};

struct patterns {
	pcre2_match_data *data;
	pcre2_match_context *context;
	uint64_t limit_hits;
	size_t n;
	struct pattern v[];
};

static void report_bad(struct config_report *report, const struct config_rule *rule,
		       int error, size_t offset)
{
	char text[160];

	pcre2_get_error_message(error, (PCRE2_UCHAR *)text, sizeof(text));
	config_report_add(report, CONFIG_ERROR, rule->at,
			  "pattern \"%s\" for header %s: %s, at offset %zu",
			  rule->pattern, rule->header, text, offset);
}

static int compile(struct pattern *p, struct config_report *report)
{
	size_t offset;
	int error;

	if (p->rule->pattern == NULL)
		return 0;
	p->code = pcre2_compile((PCRE2_SPTR)p->rule->pattern, PCRE2_ZERO_TERMINATED,
				options, &error, &offset, NULL);
	if (p->code == NULL) {
		if (error == PCRE2_ERROR_HEAP_FAILED)
			return -ENOMEM;
		report_bad(report, p->rule, error, offset);
		return -EINVAL;
	}
	/* Where the system forbids it, the interpreter does the same, slower. */
	pcre2_jit_compile(p->code, PCRE2_JIT_COMPLETE);
	return 0;
}

static int compile_all(struct patterns *p, struct config_rules rules,
		       struct config_report *report)
{
	int err = 0;

	for (; p->n < rules.n && err != -ENOMEM; p->n++) {
		struct pattern *this = &p->v[p->n];
		int one;

		this->rule = &rules.v[p->n];
		this->header = str_from(this->rule->header);
		this->same_header = p->n > 0 && str_ieq(this->header, this[-1].header);
		one = compile(this, report);
		if (one != 0)
			err = one;
	}
	return err;
}

int patterns_new(struct config_rules rules, struct config_report *report,
		 struct patterns **ret)
{
	struct patterns *p = calloc(1, sizeof(*p) + rules.n * sizeof(p->v[0]));
	int err = -ENOMEM;

	if (p == NULL)
		return -ENOMEM;
	p->data = pcre2_match_data_create(1, NULL);
	p->context = pcre2_match_context_create(NULL);
	if (p->data == NULL || p->context == NULL)
		goto fail;
	pcre2_set_match_limit(p->context, MATCH_LIMIT);
	pcre2_set_depth_limit(p->context, DEPTH_LIMIT);
	pcre2_set_heap_limit(p->context, HEAP_LIMIT_KIB);
	err = compile_all(p, rules, report);
	if (err != 0)
		goto fail;
	*ret = p;
	return 0;
fail:
	patterns_free(p);
	return err;
}

void patterns_free(struct patterns *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->n; i++)
		pcre2_code_free(p->v[i].code);
	pcre2_match_context_free(p->context);
	pcre2_match_data_free(p->data);
	free(p);
}

static int match(struct patterns *p, const pcre2_code *code, struct str value,
		 uint32_t flags)
{
	return pcre2_match(code, (PCRE2_SPTR)value.p, value.len, 0, flags, p->data,
			   p->context);
}

static bool matches(struct patterns *p, const pcre2_code *code, struct str value)
{
	int rc = match(p, code, value, 0);

	/* 32 KiB of the machine's; the interpreter has the heap. */
	if (rc == PCRE2_ERROR_JIT_STACKLIMIT)
		rc = match(p, code, value, PCRE2_NO_JIT);
	/* What is left of errors are limits: of steps, depth, heap. */
	if (rc < 0 && rc != PCRE2_ERROR_NOMATCH)
		p->limit_hits++;
	return rc >= 0;
}

const struct config_rule *patterns_first(struct patterns *p, struct headers h,
					 struct str *value)
{
	struct str found = { NULL, 0 };

	for (size_t i = 0; i < p->n; i++) {
		const struct pattern *this = &p->v[i];

		if (!this->same_header)
			found = headers_get(h, this->header);
		if (found.p == NULL)
			continue;
		if (this->code == NULL || matches(p, this->code, found)) {
			*value = found;
			return this->rule;
		}
	}
	return NULL;
}

uint64_t patterns_limit_hits(const struct patterns *p)
{
	return p->limit_hits;
}
