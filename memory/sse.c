/*
 * sse.c - event stream parser.
 *
 * Two stages: block_end() finds where an event ends, its state being all that is
 * kept between calls; read_event() then takes the lines of a whole event, in
 * place where it lies in one piece.
 */
#include "memory/sse.h"

#include <errno.h>
#include <string.h>

void sse_init(struct sse *s, size_t max, sse_event_cb *cb, void *arg)
{
	*s = (struct sse){ .cb = cb, .arg = arg, .max = max };
	buf_init(&s->pending, max);
	buf_init(&s->joined, max);
}

void sse_done(struct sse *s)
{
	buf_done(&s->pending);
	buf_done(&s->joined);
}

static bool is_eol(char c)
{
	return c == '\n' || c == '\r';
}

/*
 * The first CR or LF, or end. Two searches would cost the square of the length in
 * a stream of one kind of line end only, so the caller says if there is any CR.
 */
static const char *find_eol(const char *p, const char *end, bool has_cr)
{
	if (!has_cr) {
		const char *lf = memchr(p, '\n', (size_t)(end - p));
		return lf ? lf : end;
	}
	while (p < end && !is_eol(*p))
		p++;
	return p;
}

/* Behind the blank line that ends the event, or NULL where it is not in [p, end). */
static const char *block_end(struct sse *s, const char *p, const char *end, bool has_cr)
{
	while (p < end) {
		bool second_half = s->after_cr && *p == '\n';
		s->after_cr = false;
		if (second_half) {
			p++;
			continue;
		}
		if (s->line_start && is_eol(*p))
			return p + 1;
		p = find_eol(p, end, has_cr);
		s->line_start = p < end;
		if (p < end)
			s->after_cr = *p++ == '\r';
	}
	return NULL;
}

static bool next_line(struct str *rest, bool has_cr, struct str *ret)
{
	if (rest->len == 0)
		return false;
	const char *end = rest->p + rest->len;
	const char *eol = find_eol(rest->p, end, has_cr);
	*ret = (struct str){ rest->p, (size_t)(eol - rest->p) };
	if (end - eol >= 2 && eol[0] == '\r' && eol[1] == '\n')
		eol++;
	if (eol < end)
		eol++;
	*rest = (struct str){ eol, (size_t)(end - eol) };
	return true;
}

/* The value, if it is this field's line. */
static bool field_is(struct str line, struct str name, struct str *ret)
{
	if (!str_has_prefix(line, name))
		return false;
	struct str value = str_slice(line, name.len, line.len);
	if (value.len > 0 && value.p[0] != ':')
		return false;
	size_t skip = value.len > 1 && value.p[1] == ' ' ? 2 : 1;
	*ret = str_slice(value, skip, value.len);
	return true;
}

static int join_line(struct sse *s, struct str first, struct str value)
{
	if (s->joined.len == 0 && buf_add_str(&s->joined, first))
		return -ENOMEM;
	if (buf_add_char(&s->joined, '\n') || buf_add_str(&s->joined, value))
		return -ENOMEM;
	return 0;
}

static int read_event(struct sse *s, struct str block)
{
	struct str line, value, event = { NULL, 0 }, data = { NULL, 0 };
	bool has_cr = memchr(block.p, '\r', block.len) != NULL;
	size_t n_data = 0;

	if (s->event_at == 0 && str_has_prefix(block, STR("\xEF\xBB\xBF")))
		block = str_slice(block, 3, block.len);
	buf_reset(&s->joined);
	while (next_line(&block, has_cr, &line)) {
		if (field_is(line, STR("event"), &value)) {
			event = value;
		} else if (field_is(line, STR("data"), &value)) {
			if (n_data++ == 0)
				data = value;
			else if (join_line(s, data, value))
				return -ENOMEM;
		}
	}
	if (n_data > 0)
		s->cb(s->arg, event, n_data == 1 ? data : buf_str(&s->joined));
	return 0;
}

/* The last bytes of an event. */
static int end_event(struct sse *s, struct str last)
{
	s->in_event = false;
	if (s->pending.len == 0)
		return last.len > s->max ? -E2BIG : read_event(s, last);
	int err = buf_add_str(&s->pending, last);
	if (!err)
		err = read_event(s, buf_str(&s->pending));
	buf_reset(&s->pending);
	return err;
}

int sse_feed(struct sse *s, const void *bytes, size_t n)
{
	const char *begin = bytes, *p = begin, *end = begin + n;
	bool has_cr = n > 0 && memchr(begin, '\r', n) != NULL;
	int err = 0;

	while (p < end && !err) {
		if (!s->in_event && is_eol(*p)) {
			p++;
			continue;
		}
		if (!s->in_event) {
			s->in_event = true;
			s->line_start = s->after_cr = false;
			s->event_at = s->fed + (uint64_t)(p - begin);
		}
		const char *stop = block_end(s, p, end, has_cr);
		struct str piece = { p, (size_t)((stop ? stop : end) - p) };
		err = stop ? end_event(s, piece) : buf_add_str(&s->pending, piece);
		p += piece.len;
	}
	s->fed += n;
	return err;
}
