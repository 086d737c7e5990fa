/* config_flags.c - what the command line says: --name value or --name=value. */
#include "config/config_load.h"

#include <string.h>

/* One argument under way. */
struct argument {
	struct config_loader *ld;
	struct str name;   /* without its dashes */
	const char *value; /* behind "="; NULL: none */
	int *next;         /* index of the argument that follows */
};

static void usage_error(const struct argument *a, const char *what)
{
	config_report_add(a->ld->report, CONFIG_ERROR, (struct config_at){ NULL, 0 },
			  "--%.*s: %s", STR_ARG(a->name), what);
}

static bool is_named(const struct argument *a, const char *flag)
{
	return flag != NULL && str_eq(a->name, str_from(flag));
}

static const char *take_value(struct argument *a)
{
	const struct config_source *src = a->ld->src;

	if (a->value != NULL)
		return a->value;
	if (*a->next < src->argc)
		return src->argv[(*a->next)++];
	usage_error(a, "found no value, expected one");
	return NULL;
}

static bool parse_option(struct argument *a, struct config_flags *ret)
{
	for (size_t i = 0; i < config_n_options; i++) {
		const struct config_option *o = &config_options[i];

		if (!is_named(a, o->flag))
			continue;
		if (o->arg != NULL)
			ret->config = take_value(a);
		else if (a->value != NULL)
			usage_error(a, "found a value, expected none");
		else
			ret->action = o->action;
		return true;
	}
	return false;
}

static bool parse_key(struct argument *a, struct config_flags *ret)
{
	for (size_t i = 0; i < config_n_keys; i++) {
		const struct config_key *key = &config_keys[i];

		if (!(key->programs & a->ld->src->program) || !is_named(a, key->flag))
			continue;
		ret->values[i] = take_value(a);
		return true;
	}
	return false;
}

static void consider(const struct argument *a, const char *flag, const char **meant,
		     unsigned *least)
{
	unsigned n = flag ? config_slips(a->name, str_from(flag)) : CONFIG_NOT_NEAR;

	if (n < *least) {
		*least = n;
		*meant = flag;
	}
}

static void refuse(const struct argument *a)
{
	unsigned least = CONFIG_NOT_NEAR;
	const char *meant = NULL;

	for (size_t i = 0; i < config_n_options; i++)
		consider(a, config_options[i].flag, &meant, &least);
	for (size_t i = 0; i < config_n_keys; i++)
		if (config_keys[i].programs & a->ld->src->program)
			consider(a, config_keys[i].flag, &meant, &least);
	if (meant != NULL)
		usage_error(
			a, config_path(a->ld, "no such flag, did you mean --%s?", meant));
	else
		usage_error(a, "no such flag, see --help");
}

static void parse_argument(struct config_loader *ld, int *i, struct config_flags *ret)
{
	const char *text = ld->src->argv[(*i)++], *eq;
	struct argument a = { .ld = ld, .next = i };

	if (!str_has_prefix(str_from(text), STR("--"))) {
		config_report_add(ld->report, CONFIG_ERROR, (struct config_at){ NULL, 0 },
				  "%s: found an argument, expected a flag", text);
		return;
	}
	text += 2;
	eq = strchr(text, '=');
	a.name = eq ? (struct str){ text, (size_t)(eq - text) } : str_from(text);
	a.value = eq ? eq + 1 : NULL;
	if (!parse_option(&a, ret) && !parse_key(&a, ret))
		refuse(&a);
}

void config_parse_flags(struct config_loader *ld, struct config_flags *ret)
{
	int i = 1;

	*ret = (struct config_flags){
		.values = arena_alloc(ld->scratch, config_n_keys * sizeof(char *))
	};
	ld->nomem |= ret->values == NULL;
	while (i < ld->src->argc && !ld->nomem)
		parse_argument(ld, &i, ret);
}

void config_read_flags(struct config_loader *ld, const struct config_flags *flags)
{
	for (size_t i = 0; i < config_n_keys; i++)
		if (flags->values[i] != NULL)
			config_assign(
				ld, &config_keys[i], str_from(flags->values[i]),
				(struct config_origin){
					LAYER_FLAG,
					config_keep(ld,
						    arena_printf(ld->scratch, "--%s",
								 config_keys[i].flag)),
					0 });
}
