/* config_types.c - how values are written: numbers, units, choices. */
#include "config/config_keys.h"
#include "config/config_load.h"

#include <errno.h>
#include <string.h>

struct unit {
	const char *name;
	uint64_t factor;
};

/* The largest first: formatting takes the first that divides a value. */
static const struct unit size_units[] = { { "GiB", 1 << 30 },
					  { "MiB", 1 << 20 },
					  { "KiB", 1 << 10 },
					  { "B", 1 },
					  { NULL, 0 } };
static const struct unit duration_units[] = { { "d", 86400000 }, { "h", 3600000 },
					      { "m", 60000 },    { "s", 1000 },
					      { "ms", 1 },       { NULL, 0 } };

enum { MS_PER_S = 1000 };

/* --- numbers ------------------------------------------------------------------ */

static int set_number(const struct config_key *key, uint64_t n, void *member)
{
	if (n < key->min || n > key->max)
		return -EINVAL;
	*(uint64_t *)member = n;
	return 0;
}

static int parse_uint(const struct config_key *key, struct str s, struct arena *a,
		      void *member)
{
	uint64_t n;

	(void)a;
	return str_to_u64(s, &n) ? set_number(key, n, member) : -EINVAL;
}

static void expect_uint(const struct config_key *key, struct buf *to)
{
	buf_printf(to, "a whole number from %ju to %ju", (uintmax_t)key->min,
		   (uintmax_t)key->max);
}

static void format_uint(const struct config_key *key, const void *member, struct buf *to)
{
	(void)key;
	buf_printf(to, "%ju", (uintmax_t) * (const uint64_t *)member);
}

/* --- numbers with units --------------------------------------------------------- */

/* 0: no such unit. */
static uint64_t factor_of(const struct unit *units, struct str name)
{
	for (; units->name != NULL; units++)
		if (str_ieq(name, str_from(units->name)))
			return units->factor;
	return 0;
}

/* "16 MiB"; without a unit `bare` of the smallest. */
static int parse_scaled(const struct config_key *key, const struct unit *units,
			uint64_t bare, struct str s, void *member)
{
	uint64_t n, factor = bare;
	size_t digits = 0;
	struct str unit;

	while (digits < s.len && s.p[digits] >= '0' && s.p[digits] <= '9')
		digits++;
	unit = str_trim(str_slice(s, digits, s.len));
	if (unit.len > 0)
		factor = factor_of(units, unit);
	if (!str_to_u64(str_slice(s, 0, digits), &n) || factor == 0 ||
	    n > UINT64_MAX / factor)
		return -EINVAL;
	return set_number(key, n * factor, member);
}

static void format_scaled(const struct unit *units, uint64_t n, const char *blank,
			  struct buf *to)
{
	while (n % units->factor != 0)
		units++;
	if (n == 0)
		buf_add_char(to, '0');
	else
		buf_printf(to, "%ju%s%s", (uintmax_t)(n / units->factor), blank,
			   units->name);
}

static int parse_size(const struct config_key *key, struct str s, struct arena *a,
		      void *member)
{
	(void)a;
	return parse_scaled(key, size_units, 1, s, member);
}

static void format_size(const struct config_key *key, const void *member, struct buf *to)
{
	(void)key;
	format_scaled(size_units, *(const uint64_t *)member, " ", to);
}

static void expect_size(const struct config_key *key, struct buf *to)
{
	buf_add_str(to, STR("a size from "));
	format_scaled(size_units, key->min, " ", to);
	buf_add_str(to, STR(" to "));
	format_scaled(size_units, key->max, " ", to);
}

static int parse_duration(const struct config_key *key, struct str s, struct arena *a,
			  void *member)
{
	(void)a;
	return parse_scaled(key, duration_units, MS_PER_S, s, member);
}

static void format_duration(const struct config_key *key, const void *member,
			    struct buf *to)
{
	(void)key;
	format_scaled(duration_units, *(const uint64_t *)member, "", to);
}

static void expect_duration(const struct config_key *key, struct buf *to)
{
	buf_add_str(to, STR("a duration from "));
	format_scaled(duration_units, key->min, "", to);
	buf_add_str(to, STR(" to "));
	format_scaled(duration_units, key->max, "", to);
}

/* --- choices -------------------------------------------------------------------- */

/* As YAML 1.1 has them, and the digits that variables often hold. */
static const struct config_choice bools[] = { { "true", true }, { "false", false },
					      { "yes", true },  { "no", false },
					      { "on", true },   { "off", false },
					      { "1", true },    { "0", false },
					      { NULL, 0 } };

static const struct config_choice *find_choice(const struct config_choice *c,
					       struct str s)
{
	for (; c->name != NULL; c++)
		if (str_ieq(s, str_from(c->name)))
			return c;
	return NULL;
}

bool config_parse_bool(struct str s, bool *ret)
{
	const struct config_choice *c = find_choice(bools, s);

	if (c != NULL)
		*ret = c->value;
	return c != NULL;
}

static int parse_bool(const struct config_key *key, struct str s, struct arena *a,
		      void *member)
{
	(void)key;
	(void)a;
	return config_parse_bool(s, member) ? 0 : -EINVAL;
}

static void expect_bool(const struct config_key *key, struct buf *to)
{
	(void)key;
	buf_add_str(to, STR("true or false"));
}

static void format_bool(const struct config_key *key, const void *member, struct buf *to)
{
	(void)key;
	buf_add_str(to, *(const bool *)member ? STR("true") : STR("false"));
}

/* Members are enums of several types, all of an int's size. */
static int parse_enum(const struct config_key *key, struct str s, struct arena *a,
		      void *member)
{
	const struct config_choice *c = find_choice(key->choices, s);

	(void)a;
	if (c == NULL)
		return -EINVAL;
	memcpy(member, &c->value, sizeof(c->value));
	return 0;
}

/* Other names of a value stand behind its first. */
static bool is_first_name(const struct config_key *key, const struct config_choice *c)
{
	for (const struct config_choice *o = key->choices; o < c; o++)
		if (o->value == c->value)
			return false;
	return true;
}

static void expect_enum(const struct config_key *key, struct buf *to)
{
	const char *before = "one of ";

	for (const struct config_choice *c = key->choices; c->name != NULL; c++) {
		if (!is_first_name(key, c))
			continue;
		buf_printf(to, "%s%s", before, c->name);
		before = ", ";
	}
}

static void format_enum(const struct config_key *key, const void *member, struct buf *to)
{
	const struct config_choice *c = key->choices;
	int value;

	memcpy(&value, member, sizeof(value));
	while (c->value != value)
		c++;
	buf_add_str(to, str_from(c->name));
}

#define SCALAR(name)                                               \
	{                                                          \
		.read = config_read_scalar, .parse = parse_##name, \
		.expected = expect_##name, .format = format_##name \
	}

const struct config_type config_uint = SCALAR(uint);
const struct config_type config_size = SCALAR(size);
const struct config_type config_duration = SCALAR(duration);
const struct config_type config_bool = SCALAR(bool);
const struct config_type config_enum = SCALAR(enum);
