/* redis_info.c - the text of Redis's INFO. */
#include "store/redis_op.h"
#include "store/redis_run.h"

struct str redis_info_field(struct str text, struct str name)
{
	struct str line;

	while (str_next_item(&text, '\n', &line))
		if (str_has_prefix(line, name) && line.len > name.len &&
		    line.p[name.len] == ':')
			return str_slice(line, name.len + 1, line.len);
	return (struct str){ NULL, 0 };
}

/* Of the whole server: ours is not told apart. */
void redis_take_memory(struct store_redis *st, struct str info)
{
	uint64_t n;

	if (str_to_u64(redis_info_field(info, STR("used_memory")), &n))
		st->stats.bytes = n;
}
