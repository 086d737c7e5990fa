/* headers.h - lists of headers, written down. */
#ifndef TESTS_ROUTER_HEADERS_H
#define TESTS_ROUTER_HEADERS_H

#include "base/header.h"

/* HEADERS(H("User-Agent", "curl/8"), H("x-a", "b")) */
#define H(name, value)                              \
	{                                           \
		{ "" name, sizeof(name) - 1 },      \
		{                                   \
			"" value, sizeof(value) - 1 \
		}                                   \
	}
#define HEADERS(...)                                                        \
	((struct headers){ (const struct header[]){ __VA_ARGS__ },          \
			   sizeof((const struct header[]){ __VA_ARGS__ }) / \
				   sizeof(struct header) })

#define assert_text(got, want)                                          \
	do {                                                            \
		struct str got_ = (got);                                \
		assert_non_null(got_.p);                                \
		assert_int_equal(got_.len, sizeof(want) - 1);           \
		assert_memory_equal(got_.p, "" want, sizeof(want) - 1); \
	} while (0)

#endif
