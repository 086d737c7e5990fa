/* clock.h - time, injected so that tests can move it. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

struct clock {
	uint64_t (*mono_us)(const struct clock *c); /* never goes back */
	uint64_t (*wall_ms)(const struct clock *c); /* since 1970-01-01 UTC */
};

extern const struct clock clock_system;

static inline uint64_t clock_mono_us(const struct clock *c)
{
	return c->mono_us(c);
}

static inline uint64_t clock_mono_ms(const struct clock *c)
{
	return c->mono_us(c) / 1000;
}

static inline uint64_t clock_wall_ms(const struct clock *c)
{
	return c->wall_ms(c);
}

#endif
