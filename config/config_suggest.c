/*
 * config_suggest.c - which name was meant.
 *
 * Optimal string alignment distance: Levenshtein's, and two neighbours changed
 * round count as one slip. Names are short, so three rows on the stack do.
 */
#include "config/config_load.h"

enum { MAX_NAME = 40, MAX_SLIPS = 2 };

static unsigned min(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static unsigned distance(struct str a, struct str b)
{
	unsigned row[3][MAX_NAME + 1];

	for (unsigned j = 0; j <= b.len; j++)
		row[0][j] = j;
	for (unsigned i = 1; i <= a.len; i++) {
		unsigned *now = row[i % 3], *up = row[(i + 2) % 3];
		const unsigned *up2 = row[(i + 1) % 3];

		now[0] = i;
		for (unsigned j = 1; j <= b.len; j++) {
			bool same = a.p[i - 1] == b.p[j - 1];

			now[j] = min(min(up[j], now[j - 1]) + 1, up[j - 1] + !same);
			if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] &&
			    a.p[i - 2] == b.p[j - 1])
				now[j] = min(now[j], up2[j - 2] + 1);
		}
	}
	return row[a.len % 3][b.len];
}

unsigned config_slips(struct str word, struct str name)
{
	unsigned d;

	if (word.len > MAX_NAME || name.len > MAX_NAME)
		return CONFIG_NOT_NEAR;
	d = distance(word, name);
	/* In a short name two slips leave nothing to recognise. */
	return d <= MAX_SLIPS && d < (name.len + 1) / 2 ? d : CONFIG_NOT_NEAR;
}
