/*
 * config_keys.c - the table of keys.
 *
 * All that is known about a key stands in its row: reading, checking, printing,
 * --help and the reference page follow from it. After a change `ninja
 * reference` writes the page anew.
 */
#include "config/config_keys.h"

_Static_assert(sizeof(enum when_unknown) == sizeof(int), "as config_choice.value");
_Static_assert(sizeof(enum inject_user_id) == sizeof(int), "as config_choice.value");
_Static_assert(sizeof(enum language) == sizeof(int), "as config_choice.value");
_Static_assert(sizeof(enum log_level) == sizeof(int), "as config_choice.value");

#define KIB      ((uint64_t)1 << 10)
#define MIB      ((uint64_t)1 << 20)
#define GIB      ((uint64_t)1 << 30)
#define SECOND   ((uint64_t)1000)
#define DAY      (86400 * SECOND)
#define YEAR     (365 * DAY)
#define BOTH     (CONFIG_MEMPROXY | CONFIG_REGISTRY)
#define AT(what) offsetof(struct config, what)

static const struct config_choice when_unknown[] = {
	{ "continue", WHEN_UNKNOWN_CONTINUE },
	{ "per-user", WHEN_UNKNOWN_PER_USER },
	{ "off", WHEN_UNKNOWN_OFF },
	{ NULL, 0 }
};

static const struct config_choice inject_user_id[] = {
	{ "always", INJECT_USER_ID_ALWAYS },
	{ "supermemory", INJECT_USER_ID_SUPERMEMORY },
	{ NULL, 0 }
};

static const struct config_choice languages[] = {
	{ "basque", LANGUAGE_BASQUE },         { "catalan", LANGUAGE_CATALAN },
	{ "danish", LANGUAGE_DANISH },         { "dutch", LANGUAGE_DUTCH },
	{ "english", LANGUAGE_ENGLISH },       { "finnish", LANGUAGE_FINNISH },
	{ "french", LANGUAGE_FRENCH },         { "german", LANGUAGE_GERMAN },
	{ "hungarian", LANGUAGE_HUNGARIAN },   { "indonesian", LANGUAGE_INDONESIAN },
	{ "irish", LANGUAGE_IRISH },           { "italian", LANGUAGE_ITALIAN },
	{ "lithuanian", LANGUAGE_LITHUANIAN }, { "norwegian", LANGUAGE_NORWEGIAN },
	{ "portuguese", LANGUAGE_PORTUGUESE }, { "romanian", LANGUAGE_ROMANIAN },
	{ "spanish", LANGUAGE_SPANISH },       { "swedish", LANGUAGE_SWEDISH },
	{ "turkish", LANGUAGE_TURKISH },       { NULL, 0 }
};

static const struct config_choice log_levels[] = {
	{ "error", LOG_LV_ERROR }, { "warn", LOG_LV_WARN },    { "info", LOG_LV_INFO },
	{ "debug", LOG_LV_DEBUG }, { "warning", LOG_LV_WARN }, { NULL, 0 }
};

#define UNUSED(name)                                                              \
	{                                                                         \
		.path = "context_retrieval." name, .type = &config_text,          \
		.at = AT(unused), .flags = KEY_SECRET | KEY_ORIGINAL,             \
		.programs = CONFIG_MEMPROXY,                                      \
		.doc = "Accepted, as the original project had it; means nothing " \
		       "here."                                                    \
	}

/* clang-format off */
const struct config_key config_keys[] = {
{ .path = "proxy.host", .type = &config_host, .at = AT(proxy.host), .flags = KEY_RESTART,
  .programs = CONFIG_MEMPROXY, .flag = "host", .arg = "A", .env = { "PROXY_HOST" },
  .def = "127.0.0.1",
  .doc = "The address to listen on. `0.0.0.0` takes requests from other machines." },
{ .path = "proxy.port", .type = &config_uint, .at = AT(proxy.port), .flags = KEY_RESTART,
  .programs = CONFIG_MEMPROXY, .flag = "port", .arg = "P", .env = { "PROXY_PORT" },
  .def = "8764", .max = 65535,
  .doc = "The port to listen on. 0 picks a free one, which `--port-file` tells." },
{ .path = "proxy.port_file", .type = &config_text, .at = AT(proxy.port_file),
  .flags = KEY_RESTART, .programs = CONFIG_MEMPROXY, .flag = "port-file", .arg = "F",
  .doc = "A file to write the port to once requests are taken." },
{ .path = "proxy.litellm_url", .type = &config_url, .at = AT(proxy.litellm_url),
  .flags = KEY_RESTART, .programs = CONFIG_MEMPROXY, .flag = "litellm-url", .arg = "U",
  .env = { "LITELLM_BASE_URL" }, .def = "http://127.0.0.1:8765",
  .doc = "Where LiteLLM is." },
{ .path = "proxy.workers", .type = &config_uint, .at = AT(proxy.workers),
  .flags = KEY_RESTART, .programs = CONFIG_MEMPROXY, .flag = "workers", .arg = "N",
  .def = "1", .min = 1, .max = 64,
  .doc = "Event loops, each on a thread of its own. One serves far more than one LiteLLM." },
{ .path = "proxy.admin_key", .type = &config_text, .at = AT(keys.admin_key),
  .flags = KEY_SECRET, .programs = CONFIG_MEMPROXY, .env = { "MEMPROXY_ADMIN_KEY" },
  .doc = "The key that opens what is everyone's: metrics, all users' memories. "
	 "LiteLLM's master key serves where it is not set." },
{ .path = "proxy.supermemory_api_key", .type = &config_text,
  .at = AT(keys.supermemory_api_key), .flags = KEY_SECRET, .programs = CONFIG_MEMPROXY,
  .env = { "SUPERMEMORY_API_KEY" },
  .doc = "Sent as `x-supermemory-api-key` with requests for models that supermemory.ai "
	 "serves." },
{ .path = "proxy.access_log", .type = &config_bool, .at = AT(proxy.access_log),
  .programs = CONFIG_MEMPROXY, .def = "true",
  .doc = "One log line for every request." },
{ .path = "proxy.collect_bytes", .type = &config_size, .at = AT(proxy.collect_bytes),
  .programs = CONFIG_MEMPROXY, .def = "16 MiB", .min = KIB, .max = GIB,
  .doc = "Request bodies up to this are read whole, to put memory into them. Larger ones "
	 "stream past without." },
{ .path = "proxy.max_head_bytes", .type = &config_size, .at = AT(proxy.max_head_bytes),
  .programs = CONFIG_MEMPROXY, .def = "64 KiB", .min = KIB, .max = MIB,
  .doc = "The largest head of a request, all lines together." },
{ .path = "proxy.max_line_bytes", .type = &config_size, .at = AT(proxy.max_line_bytes),
  .programs = CONFIG_MEMPROXY, .def = "16 KiB", .min = KIB, .max = MIB,
  .doc = "The longest line of a request's head: its target or one header." },
{ .path = "proxy.max_headers", .type = &config_uint, .at = AT(proxy.max_headers),
  .programs = CONFIG_MEMPROXY, .def = "128", .min = 16, .max = 256, /* H1_MAX_HEADERS of net/h1.h */
  .doc = "The most headers of a request." },
{ .path = "proxy.max_connections", .type = &config_uint, .at = AT(proxy.max_connections),
  .programs = CONFIG_MEMPROXY, .def = "10000", .min = 1, .max = 1000000,
  .doc = "The most connections of clients at once." },
{ .path = "proxy.head_timeout", .type = &config_duration, .at = AT(proxy.head_timeout),
  .programs = CONFIG_MEMPROXY, .def = "10s", .min = 1, .max = DAY,
  .doc = "From a request's first byte to the end of its head." },
{ .path = "proxy.body_timeout", .type = &config_duration, .at = AT(proxy.body_timeout),
  .programs = CONFIG_MEMPROXY, .def = "30s", .min = 1, .max = DAY,
  .doc = "Between two reads of a request's body." },
{ .path = "proxy.idle_timeout", .type = &config_duration, .at = AT(proxy.idle_timeout),
  .programs = CONFIG_MEMPROXY, .def = "75s", .min = 1, .max = DAY,
  .doc = "How long a connection is kept open between requests." },
{ .path = "proxy.stall_timeout", .type = &config_duration, .at = AT(proxy.stall_timeout),
  .programs = CONFIG_MEMPROXY, .def = "60s", .min = 1, .max = DAY,
  .doc = "How long a client may take nothing of a reply that waits for it." },
{ .path = "proxy.linger_timeout", .type = &config_duration,
  .at = AT(proxy.linger_timeout), .programs = CONFIG_MEMPROXY, .def = "2s",
  .max = 60 * SECOND,
  .doc = "How long a client that was answered before its body ended may read the "
	 "answer." },
{ .path = "proxy.connect_timeout", .type = &config_duration,
  .at = AT(proxy.connect_timeout), .flags = KEY_RESTART, .programs = CONFIG_MEMPROXY,
  .def = "5s", .min = 1, .max = DAY,
  .doc = "For a connection to LiteLLM." },
{ .path = "proxy.first_byte_timeout", .type = &config_duration,
  .at = AT(proxy.first_byte_timeout), .flags = KEY_RESTART, .programs = CONFIG_MEMPROXY,
  .def = "600s", .max = DAY,
  .doc = "From the last that LiteLLM took of a request to the head of its reply; 0: no limit. "
	 "A running stream has none." },
{ .path = "proxy.drain_timeout", .type = &config_duration, .at = AT(proxy.drain_timeout),
  .programs = CONFIG_MEMPROXY, .def = "30s", .max = DAY,
  .doc = "How long requests under way may go on after SIGTERM." },

{ .path = "user_id_mappings.custom_header", .type = &config_header_name,
  .at = AT(user_id_mappings.custom_header), .programs = CONFIG_MEMPROXY,
  .def = "x-memory-user-id",
  .doc = "The request header that names the user, before any pattern." },
{ .path = "user_id_mappings.header_patterns", .type = &config_mappings,
  .at = AT(user_id_mappings.header_patterns), .programs = CONFIG_MEMPROXY,
  .doc = "Rules that give a user to requests that name none; the first that matches "
	 "counts. `pattern` is a PCRE2 regular expression, searched anywhere in the header "
	 "in any case; `present: true` in its place asks only that the header is there. "
	 "`shared: false` keeps those who come under one `user_id` from sharing a memory: "
	 "they have one only with an end user of their own.",
  .example = "user_id_mappings:\n"
	     "  header_patterns:\n"
	     "    - header: user-agent\n"
	     "      pattern: \"^OpenAIClientImpl/Java\"\n"
	     "      user_id: secretary-dev\n"
	     "    - header: x-team\n"
	     "      present: true\n"
	     "      user_id: team\n"
	     "      shared: false\n" },
{ .path = "user_id_mappings.default_user_id", .type = &config_text,
  .at = AT(user_id_mappings.default_user_id), .programs = CONFIG_MEMPROXY,
  .doc = "The user of a request that nothing else gives one, within its key. Not set: "
	 "such requests have no memory." },

{ .path = "client_patterns", .type = &config_clients, .at = AT(client_patterns),
  .programs = CONFIG_MEMPROXY,
  .doc = "Rules that name the client program, for logs and metrics; the first that "
	 "matches counts. `header`, `pattern` and `present` are as in "
	 "`user_id_mappings.header_patterns`.",
  .example = "client_patterns:\n"
	     "  - {header: user-agent, pattern: \"^opencode/\", client: opencode}\n"
	     "  - {header: x-openwebui-chat-id, present: true, client: open-webui}\n" },

{ .path = "identity.share_keys", .type = &config_bool, .at = AT(identity.share_keys),
  .programs = CONFIG_MEMPROXY, .def = "false",
  .doc = "Whether all keys share one set of users. Otherwise a user belongs to the key "
	 "that was sent, and nobody with another key meets their memory." },
{ .path = "identity.end_user", .type = &config_bool, .at = AT(identity.end_user),
  .programs = CONFIG_MEMPROXY, .def = "true",
  .doc = "Whether the end user that a front end names (`X-OpenWebUI-User-Id`, the body's "
	 "`user` …) goes before the patterns." },

{ .path = "session.when_unknown", .type = &config_enum, .at = AT(session_when_unknown),
  .programs = CONFIG_MEMPROXY, .def = "continue", .choices = when_unknown,
  .doc = "The conversation of a request that names none. `continue`: the one whose last "
	 "reply it holds, else a new one; `per-user`: one for each user; `off`: no memory." },

{ .path = "inject_user_id", .type = &config_enum, .at = AT(inject_user_id),
  .programs = CONFIG_MEMPROXY, .def = "always", .choices = inject_user_id,
  .doc = "Which requests of a known user LiteLLM gets with `x-sm-user-id`: all that can "
	 "have memory, or those for models that supermemory.ai serves." },

{ .path = "memory.enabled", .type = &config_bool, .at = AT(memory.enabled),
  .flags = KEY_RESTART, .programs = CONFIG_MEMPROXY, .def = "true",
  .doc = "Whether anything is remembered and recalled." },
{ .path = "memory.budget_tokens", .type = &config_uint, .at = AT(memory.budget_tokens),
  .programs = CONFIG_MEMPROXY, .def = "1000", .min = 50, .max = 100000,
  .doc = "The most tokens, as estimated, that memory adds to one request." },
{ .path = "memory.max_context_messages", .type = &config_uint,
  .at = AT(memory.max_context_messages), .programs = CONFIG_MEMPROXY,
  .env = { "MAX_CONTEXT_MESSAGES" }, .def = "20", .max = 1000,
  .doc = "How many messages of a session a client gets back that names the session and "
	 "sends one message at a time; 0: none. They count towards the budget." },
{ .path = "memory.language", .type = &config_enum, .at = AT(memory.language),
  .flags = KEY_RESTART, .programs = CONFIG_MEMPROXY, .def = "english",
  .choices = languages,
  .doc = "How words in Latin letters are taken to their stems. Those of other scripts "
	 "are by the script, whatever this says." },
{ .path = "memory.deadline", .type = &config_duration, .at = AT(memory.deadline),
  .programs = CONFIG_MEMPROXY, .def = "20ms", .min = 1, .max = 10 * SECOND,
  .doc = "How long a request waits for its memory before it goes on without." },
{ .path = "memory.cold_deadline", .type = &config_duration,
  .at = AT(memory.cold_deadline), .programs = CONFIG_MEMPROXY, .def = "60ms", .min = 1,
  .max = 10 * SECOND,
  .doc = "The same for a user whose memory is not loaded yet." },
{ .path = "memory.keep_deadline", .type = &config_duration,
  .at = AT(memory.keep_deadline), .programs = CONFIG_MEMPROXY, .def = "20ms",
  .max = 10 * SECOND,
  .doc = "How long the end of a reply waits until the exchange is kept." },
{ .path = "memory.view_bytes", .type = &config_size, .at = AT(memory.view_bytes),
  .programs = CONFIG_MEMPROXY, .def = "256 MiB", .min = MIB, .max = 1024 * GIB,
  .doc = "Memory for the users' indexes; those not used for longest go first." },
{ .path = "memory.max_exchange_bytes", .type = &config_size,
  .at = AT(memory.max_exchange_bytes), .programs = CONFIG_MEMPROXY, .def = "32 KiB",
  .min = 256, .max = 16 * MIB,
  .doc = "The most that is kept of one text, a user's words or a reply; of a longer one "
	 "the head and the tail." },

{ .path = "memory.enabled_for_models", .type = &config_names,
  .at = AT(memory.enabled_for_models), .programs = CONFIG_MEMPROXY,
  .doc = "The models that have memory, by the name a request asks for; `*` stands for any "
	 "text. Not set: all.",
  .example = "memory:\n"
	     "  enabled_for_models: [\"gpt-*\", demo]\n" },
{ .path = "memory.disabled_for_models", .type = &config_names,
  .at = AT(memory.disabled_for_models), .programs = CONFIG_MEMPROXY,
  .doc = "The models that have none, before `memory.enabled_for_models`." },
{ .path = "memory.enabled_for_clients", .type = &config_names,
  .at = AT(memory.enabled_for_clients), .programs = CONFIG_MEMPROXY,
  .doc = "The clients (`client_patterns`) that have memory; one that no pattern knows is "
	 "called `unknown`. Not set: all." },
{ .path = "memory.disabled_for_clients", .type = &config_names,
  .at = AT(memory.disabled_for_clients), .programs = CONFIG_MEMPROXY,
  .doc = "The clients that have none, before `memory.enabled_for_clients`." },
{ .path = "memory.disabled_for_keys", .type = &config_digests,
  .at = AT(memory.disabled_for_keys), .programs = CONFIG_MEMPROXY,
  .doc = "The keys that have no memory, each as its SHA-256 in hexadecimal "
	 "(as `sha256sum` gives it)." },

{ .path = "context_retrieval.enabled", .type = &config_bool, .at = AT(memory.enabled),
  .flags = KEY_RESTART | KEY_ORIGINAL, .programs = CONFIG_MEMPROXY,
  .doc = "The original project's name of `memory.enabled`." },
{ .path = "context_retrieval.enabled_for_models", .type = &config_names,
  .at = AT(memory.enabled_for_models), .flags = KEY_ORIGINAL,
  .programs = CONFIG_MEMPROXY,
  .doc = "The original project's name of `memory.enabled_for_models`." },
{ .path = "context_retrieval.disabled_for_models", .type = &config_names,
  .at = AT(memory.disabled_for_models), .flags = KEY_ORIGINAL,
  .programs = CONFIG_MEMPROXY,
  .doc = "The original project's name of `memory.disabled_for_models`." },
UNUSED("api_key"), UNUSED("base_url"), UNUSED("query_strategy"),
UNUSED("injection_strategy"), UNUSED("container_tag"), UNUSED("max_context_length"),
UNUSED("max_results"), UNUSED("timeout"),
{ .path = "memory.max_exchanges_per_user", .type = &config_uint,
  .at = AT(memory.max_exchanges_per_user), .programs = CONFIG_MEMPROXY, .def = "0",
  .max = 1000000000,
  .doc = "The most exchanges that are kept of one user, give or take a few; the oldest go "
	 "first. 0: no limit." },

{ .path = "store.url", .type = &config_store_url, .at = AT(store.url),
  .flags = KEY_RESTART, .programs = CONFIG_MEMPROXY, .flag = "store", .arg = "URL",
  .env = { "MEMORY_STORE", "REDIS_URL" }, .def = "sqlite:data/memory.db",
  .doc = "Where exchanges are kept: `sqlite:PATH`, `redis://[user:password@]host:port/db`, "
	 "`postgresql://…` as libpq reads it, or `memory:` until the program ends. See "
	 "docs/guides/STORES.md." },
{ .path = "store.ttl", .type = &config_duration, .at = AT(store.ttl),
  .programs = CONFIG_MEMPROXY, .env = { "MEMORY_TTL_SECONDS" }, .def = "0",
  .max = 100 * YEAR,
  .doc = "How long an exchange is kept; 0: until it is forgotten." },
{ .path = "store.spool", .type = &config_text, .at = AT(store.spool),
  .flags = KEY_RESTART, .programs = CONFIG_MEMPROXY, .def = "data/spool.db",
  .doc = "A file on this machine in which exchanges are safe until a store elsewhere has "
	 "them; a second memproxy there takes `spool-2.db`, and so on. `none`: exchanges are "
	 "lost while the store is away. `sqlite:` and `memory:` need none." },
{ .path = "store.spool_bytes", .type = &config_size, .at = AT(store.spool_bytes),
  .flags = KEY_RESTART, .programs = CONFIG_MEMPROXY, .def = "256 MiB", .min = MIB,
  .max = 1024 * GIB,
  .doc = "The most that the spool holds; beyond it exchanges are dropped, and counted." },

{ .path = "log.level", .type = &config_enum, .at = AT(log.level), .programs = BOTH,
  .env = { "LOG_LEVEL" }, .def = "info", .choices = log_levels,
  .doc = "What is logged, and all that is graver." },
{ .path = "log.json", .type = &config_bool, .at = AT(log.json), .programs = BOTH,
  .env = { "JSON_LOGS" }, .def = "false",
  .doc = "Log lines as JSON objects." },

{ .path = "metrics.allow", .type = &config_networks, .at = AT(metrics.allow),
  .programs = CONFIG_MEMPROXY,
  .doc = "Who may read `/metrics` without a key, besides this machine." ,
  .example = "metrics:\n"
	     "  allow: [10.0.0.0/8, \"fd00::/8\"]\n" },

{ .path = "general_settings.master_key", .type = &config_text, .at = AT(keys.master_key),
  .flags = KEY_SECRET | KEY_LITELLM, .programs = CONFIG_MEMPROXY,
  .env = { "LITELLM_MASTER_KEY" },
  .doc = "LiteLLM's own key, from its half of the file." },
};

const struct config_option config_options[] = {
{ .flag = "config", .arg = "F", .env = "LITELLM_CONFIG",
  .doc = "The file to read, the same that LiteLLM reads; without it config.yaml in the "
	 "working directory, if there is one." },
{ .flag = "check-config", .action = CONFIG_CHECK,
  .doc = "Check the configuration, print what is wrong with it, and exit." },
{ .flag = "print-config", .action = CONFIG_PRINT,
  .doc = "Print every key with its value and where that came from, and exit." },
{ .flag = "version", .action = CONFIG_VERSION, .doc = "Print the version and exit." },
{ .flag = "help", .action = CONFIG_HELP, .doc = "Print this and exit." },
};
/* clang-format on */

const size_t config_n_keys = sizeof(config_keys) / sizeof(config_keys[0]);
const size_t config_n_options = sizeof(config_options) / sizeof(config_options[0]);

const char *config_language_name(enum language l)
{
	const struct config_choice *c = languages;

	while (c->value != (int)l)
		c++;
	return c->name;
}
