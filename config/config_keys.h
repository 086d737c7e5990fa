/* config_keys.h - the table of keys: what may be told, where, and what it means. */
#ifndef CONFIG_CONFIG_KEYS_H
#define CONFIG_CONFIG_KEYS_H

#include "base/arena.h"
#include "base/buf.h"
#include "config/config.h"

struct config_key;
struct config_loader;
struct config_node;

struct config_choice {
	const char *name; /* NULL ends a list */
	int value;
};

/* How a key's value is written. */
struct config_type {
	/* The file's value into the member; reports what is wrong with it. */
	void (*read)(struct config_loader *ld, const struct config_key *key,
		     const struct config_node *n);
	/* One text into the member: 0, -EINVAL or -ENOMEM. NULL: no such type has a
	 * default, a flag or a variable. */
	int (*parse)(const struct config_key *key, struct str s, struct arena *a,
		     void *member);
	/* What a value must be, to follow "expected": "a whole number from 0 to 9". */
	void (*expected)(const struct config_key *key, struct buf *to);
	/* The member as YAML that reads as the same value. */
	void (*format)(const struct config_key *key, const void *member, struct buf *to);
	bool block; /* format() begins a new line */

	/* Texts only: what config_parse_text() accepts, and its name. */
	bool (*check)(struct str s);
	const char *text_expected;
};

extern const struct config_type config_text;
extern const struct config_type config_host;
extern const struct config_type config_url;
extern const struct config_type config_store_url;
extern const struct config_type config_header_name;
extern const struct config_type config_uint;
extern const struct config_type config_size;
extern const struct config_type config_duration;
extern const struct config_type config_bool;
extern const struct config_type config_enum;
extern const struct config_type config_networks; /* config_lists.c */
extern const struct config_type config_names;
extern const struct config_type config_digests;
extern const struct config_type config_mappings; /* config_rules.c */
extern const struct config_type config_clients;

enum config_key_flags {
	KEY_RESTART = 1 << 0, /* read at start only */
	KEY_SECRET = 1 << 1,  /* never shown */
	KEY_LITELLM = 1 << 2, /* stands in LiteLLM's half of the file */
	/* from files of the original project: printed only where one says it */
	KEY_ORIGINAL = 1 << 3,
};

struct config_key {
	const char *path; /* dotted; keys of one section stand together */
	const struct config_type *type;
	size_t at; /* offset in struct config */
	unsigned flags;
	unsigned programs;  /* whose flag and variables it has */
	const char *flag;   /* without its dashes; NULL: none */
	const char *arg;    /* the flag's argument in --help */
	const char *env[2]; /* the first that is set counts */
	const char *def;    /* as written; NULL: not set */
	uint64_t min, max;  /* numbers, sizes, durations */
	const struct config_choice *choices;
	const char *doc;     /* one or two plain sentences */
	const char *example; /* YAML for the reference page */
};

extern const struct config_key config_keys[];
extern const size_t config_n_keys;

static inline void *config_member(struct config *c, const struct config_key *key)
{
	return (char *)c + key->at;
}

static inline const void *config_member_of(const struct config *c,
					   const struct config_key *key)
{
	return (const char *)c + key->at;
}

/* Flags that are no key: which file, and what to do instead of running. */
struct config_option {
	const char *flag, *arg, *env;
	enum config_action action;
	const char *doc;
};

extern const struct config_option config_options[];
extern const size_t config_n_options;

/* false where it is neither. */
bool config_parse_bool(struct str s, bool *ret);
/* A field name by RFC 9110, 5.6.2 (token). */
bool config_is_header_name(struct str s);
/* Without control characters and line breaks: fit for a header and a log line. */
bool config_is_plain_text(struct str s);

#endif
