/* clock.c - the system's time. */
#include "base/clock.h"

#include <time.h>

static uint64_t read_us(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static uint64_t system_mono_us(const struct clock *c)
{
	(void)c;
	return read_us(CLOCK_MONOTONIC);
}

static uint64_t system_wall_ms(const struct clock *c)
{
	(void)c;
	return read_us(CLOCK_REALTIME) / 1000;
}

const struct clock clock_system = { system_mono_us, system_wall_ms };
