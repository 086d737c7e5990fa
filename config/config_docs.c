/* config_docs.c - the table in words: --help and docs/reference/CONFIGURATION.md. */
#include "config/config_keys.h"

#include <string.h>

enum { MAX_TEXT = 1000, FLAG_COLUMN = 20, WIDTH = 79 };

static const char *program_name(enum config_program program)
{
	return program == CONFIG_MEMPROXY ? "memproxy" : "memproxy-registry";
}

/* --- --help ----------------------------------------------------------------------------
 */

/* Words from FLAG_COLUMN to WIDTH. */
static void print_wrapped(struct str text, FILE *to)
{
	size_t column = FLAG_COLUMN;
	struct str word;

	while (str_next_item(&text, ' ', &word)) {
		if (column + 1 + word.len > WIDTH) {
			fprintf(to, "\n%*s", FLAG_COLUMN, "");
			column = FLAG_COLUMN;
		}
		fprintf(to, " %.*s", STR_ARG(word));
		column += 1 + word.len;
	}
	fputc('\n', to);
}

/* The table's texts are Markdown. */
static void add_plain(struct buf *to, const char *markdown)
{
	for (; *markdown != '\0'; markdown++)
		if (*markdown != '`')
			buf_add_char(to, *markdown);
}

static void print_flag(const char *flag, const char *arg, const char *doc,
		       const char *env, const char *def, FILE *to)
{
	char left[FLAG_COLUMN + 1];
	struct buf b;

	snprintf(left, sizeof(left), "  --%s %s", flag, arg ? arg : "");
	buf_init(&b, MAX_TEXT);
	add_plain(&b, doc);
	if (def != NULL)
		buf_printf(&b, " Default: %s.", def);
	if (env != NULL)
		buf_printf(&b, " Variable: %s.", env);
	fprintf(to, "%-*s", FLAG_COLUMN, left);
	print_wrapped(buf_str(&b), to);
	buf_done(&b);
}

void config_help(enum config_program program, FILE *to)
{
	fprintf(to, "Usage: %s [flags]\n\n", program_name(program));
	for (size_t i = 0; i < config_n_options; i++) {
		const struct config_option *o = &config_options[i];

		print_flag(o->flag, o->arg, o->doc, o->env, NULL, to);
	}
	for (size_t i = 0; i < config_n_keys; i++) {
		const struct config_key *key = &config_keys[i];

		if ((key->programs & program) && key->flag != NULL)
			print_flag(key->flag, key->arg, key->doc, key->env[0], key->def,
				   to);
	}
	fputs("\nFlags go before the environment, that before the file, that before the\n"
	      "defaults. docs/reference/CONFIGURATION.md has every key and variable.\n",
	      to);
}

/* --- the reference page
 * -------------------------------------------------------------------- */

static const char intro[] =
	"# Configuration\n"
	"\n"
	"<!-- Written by `ninja reference` from config/config_keys.c: change it there. "
	"-->\n"
	"\n"
	"Flags go before the environment, that before `config.yaml`, that before the\n"
	"defaults. `memproxy --print-config` shows every key with its value and where "
	"it\n"
	"came from; `memproxy --check-config` says what is wrong and where.\n"
	"\n"
	"`config.yaml` is the file that LiteLLM reads too: each program passes over the\n"
	"other's sections. A saved edit takes effect within half a second for requests "
	"that\n"
	"begin after it, and is refused as a whole where it has an error. Keys marked\n"
	"*restart* are read at start only. So is all of LiteLLM's half, by LiteLLM.\n"
	"\n"
	"## How values are written\n"
	"\n"
	"| kind | written |\n"
	"|---|---|\n"
	"| size | bytes, or with a unit: `512 B`, `64 KiB`, `16 MiB`, `1 GiB` |\n"
	"| duration | seconds, or with a unit: `20ms`, `10s`, `5m`, `2h`, `30d` |\n"
	"| true or false | also `yes`, `no`, `on`, `off`, `1`, `0` |\n"
	"| anything | `os.environ/NAME` stands for the variable NAME, which must be set "
	"|\n"
	"\n"
	"A key without a value (`port:`) has its default. An empty variable counts as "
	"not\n"
	"set. A key that is there twice is an error; one that does not exist is a "
	"warning.\n"
	"Anchors, aliases and merge keys (`<<`) work as they do for LiteLLM.\n";

static const char redis_note[] =
	"\n"
	"Where neither `MEMORY_STORE` nor `REDIS_URL` is set and `REDIS_HOST` is, the "
	"store\n"
	"is `redis://:$REDIS_PASSWORD@$REDIS_HOST:$REDIS_PORT/0` (port 6379, no "
	"password\n"
	"unless set).\n";

static const char litellm_note[] = "\n"
				   "From LiteLLM's half memproxy also reads `model_list` "
				   "(names and `api_base`), here\n"
				   "and in the files that `include` names.\n";

static struct str section_of(const struct config_key *key)
{
	struct str path = str_from(key->path), section;

	str_next_item(&path, '.', &section);
	return section;
}

static void print_names(const struct config_key *key, FILE *to)
{
	if (key->flag != NULL)
		fprintf(to, "`--%s` ", key->flag);
	for (size_t i = 0; i < 2 && key->env[i] != NULL; i++)
		fprintf(to, "`%s` ", key->env[i]);
}

static void print_row(const struct config_key *key, FILE *to)
{
	struct buf expected;

	buf_init(&expected, MAX_TEXT);
	key->type->expected(key, &expected);
	fprintf(to, "| `%s` | %s%s%s ", key->path, key->def ? "`" : "",
		key->def ? key->def : "not set", key->def ? "`" : "");
	fprintf(to, "| %s | ", buf_str(&expected).p);
	print_names(key, to);
	fprintf(to, "| %s%s |\n", key->doc,
		key->flags & KEY_RESTART ? " *Restart.*" : "");
	buf_done(&expected);
}

/* The keys of the section that begins at row i; the index behind them. */
static size_t print_section(size_t i, FILE *to)
{
	struct str section = section_of(&config_keys[i]);
	size_t first = i;

	fprintf(to, "\n## %.*s\n\n", STR_ARG(section));
	fputs("| key | default | value | flag, variable | meaning "
	      "|\n|---|---|---|---|---|\n",
	      to);
	for (; i < config_n_keys && str_eq(section_of(&config_keys[i]), section); i++)
		print_row(&config_keys[i], to);
	for (size_t k = first; k < i; k++) {
		if (config_keys[k].example != NULL)
			fprintf(to, "\n```yaml\n%s```\n", config_keys[k].example);
		if (config_keys[k].type == &config_store_url)
			fputs(redis_note, to);
		if (config_keys[k].flags & KEY_LITELLM)
			fputs(litellm_note, to);
	}
	return i;
}

static void print_options(FILE *to)
{
	fputs("\n## Other flags\n\n| flag | variable | meaning |\n|---|---|---|\n", to);
	for (size_t i = 0; i < config_n_options; i++) {
		const struct config_option *o = &config_options[i];

		fprintf(to, "| `--%s%s%s` | %s%s%s | %s |\n", o->flag, o->arg ? " " : "",
			o->arg ? o->arg : "", o->env ? "`" : "", o->env ? o->env : "",
			o->env ? "`" : "", o->doc);
	}
}

void config_reference(FILE *to)
{
	size_t i = 0;

	fputs(intro, to);
	while (i < config_n_keys)
		i = print_section(i, to);
	print_options(to);
}
