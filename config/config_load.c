/*
 * config_load.c - one reading: defaults, file, environment, flags, checks.
 *
 * Every layer is read and checked whole, so that all errors show at once; a
 * later layer's value replaces an earlier one's.
 */
#include "config/config_load.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	ARENA_FIRST = 8 * 1024,
	/* Far above any real file; without a bound a wrong path could fill the memory. */
	MAX_FILE = 32 << 20,
};

/* Keys of which one may not exceed the other. */
static const struct {
	const char *smaller, *larger;
} ordered[] = {
	{ "proxy.max_line_bytes", "proxy.max_head_bytes" },
	{ "memory.deadline", "memory.cold_deadline" },
};

/* --- files -------------------------------------------------------------------------- */

static int read_all(int fd, struct buf *to)
{
	char chunk[16 * 1024];
	ssize_t n;
	int err = 0;

	while (!err && (n = read(fd, chunk, sizeof(chunk))) != 0) {
		if (n > 0)
			err = buf_add(to, chunk, (size_t)n);
		else if (errno != EINTR)
			err = -errno;
	}
	return err;
}

/* A regular file: anything else could block, or be LiteLLM's only once. */
static int read_file(void *arg, const char *path, struct buf *to)
{
	struct stat st;
	int fd, err;

	(void)arg;
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) != 0)
		err = -errno;
	else if (S_ISDIR(st.st_mode))
		err = -EISDIR;
	else if (!S_ISREG(st.st_mode))
		err = -EINVAL;
	else
		err = read_all(fd, to);
	close(fd);
	return err == -E2BIG ? -EFBIG : err;
}

int config_parse_file(struct config_loader *ld, const char *path,
		      const struct config_node **ret)
{
	struct config_node *root = NULL;
	struct buf text;
	int err;

	buf_init(&text, MAX_FILE);
	err = ld->read(ld->read_arg, path, &text);
	if (!err && config_yaml_parse(ld->scratch, path, buf_str(&text), ld->report,
				      &root) == -ENOMEM)
		ld->nomem = true;
	buf_done(&text);
	if (!err)
		*ret = root;
	return err;
}

/* The file to read; NULL: none, and none is needed. */
static const char *config_path_of(struct config_loader *ld, const struct config_flags *f)
{
	const char *path = f->config;

	for (size_t i = 0; i < config_n_options && path == NULL; i++)
		if (config_options[i].env != NULL)
			path = config_env(ld, config_options[i].env);
	if (path == NULL && access("config.yaml", F_OK) == 0)
		path = "config.yaml";
	return path;
}

static void read_layer_file(struct config_loader *ld, const char *path)
{
	const struct config_node *root = NULL;
	int err;

	ld->file = config_keep(ld, str_from(path));
	if (ld->nomem)
		return;
	err = config_parse_file(ld, ld->file, &root);
	if (err)
		config_report_add(ld->report, CONFIG_ERROR,
				  (struct config_at){ ld->file, 0 }, "cannot be read: %s",
				  strerrordesc_np(-err));
	if (root != NULL && root->kind == CONFIG_MAPPING)
		config_read_ours(ld, root);
	else if (root != NULL && !config_node_is_null(root))
		config_mismatch(ld, "the file", root, false, "a mapping of sections");
	config_read_litellm(ld, root);
}

/* --- layers ------------------------------------------------------------------------- */

static void read_defaults(struct config_loader *ld)
{
	for (size_t i = 0; i < config_n_keys; i++)
		if (config_keys[i].def != NULL)
			config_assign(ld, &config_keys[i], str_from(config_keys[i].def),
				      (struct config_origin){ LAYER_DEFAULT, NULL, 0 });
}

static const struct config_key *key_at(const char *path)
{
	const struct config_key *key = config_keys;

	while (strcmp(key->path, path) != 0)
		key++;
	return key;
}

static void check_order(struct config_loader *ld, const struct config_key *smaller,
			const struct config_key *larger)
{
	struct config *c = &ld->box->c;
	const uint64_t *s = config_member(c, smaller), *l = config_member(c, larger);
	struct config_origin from = ld->box->origins[smaller - config_keys];
	struct buf found, limit;

	if (*s <= *l)
		return;
	buf_init(&found, 100);
	buf_init(&limit, 100);
	smaller->type->format(smaller, s, &found);
	larger->type->format(larger, l, &limit);
	config_report_add(ld->report, CONFIG_ERROR,
			  (struct config_at){ from.layer == LAYER_FILE ? from.name : NULL,
					      from.line },
			  "%s: found %s, expected at most %s, which is %s", smaller->path,
			  buf_str(&found).p, larger->path, buf_str(&limit).p);
	buf_done(&found);
	buf_done(&limit);
}

static void check_all(struct config_loader *ld)
{
	for (size_t i = 0; i < sizeof(ordered) / sizeof(ordered[0]); i++)
		check_order(ld, key_at(ordered[i].smaller), key_at(ordered[i].larger));
}

/* --- the whole ------------------------------------------------------------------------
 */

static struct config_box *box_new(void)
{
	struct arena *a = arena_new(ARENA_FIRST);
	struct config_box *box = a ? arena_alloc(a, sizeof(*box)) : NULL;

	if (box == NULL)
		goto fail;
	box->arena = a;
	atomic_init(&box->refs, 1);
	box->origins = arena_alloc(a, config_n_keys * sizeof(*box->origins));
	if (box->origins == NULL)
		goto fail;
	return box;
fail:
	arena_free(a);
	return NULL;
}

static void read_layers(struct config_loader *ld, const struct config_flags *flags)
{
	const char *path = config_path_of(ld, flags);

	read_defaults(ld);
	if (path != NULL)
		read_layer_file(ld, path);
	config_read_env(ld);
	config_read_flags(ld, flags);
	check_all(ld);
}

static int load(struct config_loader *ld, enum config_action *action)
{
	size_t before = ld->report->n_errors;
	struct config_flags flags;

	config_parse_flags(ld, &flags);
	*action = flags.action;
	if (flags.action == CONFIG_VERSION || flags.action == CONFIG_HELP)
		return 0;
	if (!ld->nomem)
		read_layers(ld, &flags);
	if (ld->nomem)
		return -ENOMEM;
	return ld->report->n_errors > before ? -EINVAL : 0;
}

int config_load_with(const struct config_source *src, config_read_fn *read,
		     void *read_arg, struct config **ret, enum config_action *action,
		     struct config_report *report)
{
	enum config_action asked = CONFIG_RUN;
	struct config_loader ld = {
		.src = src,
		.read = read,
		.read_arg = read_arg,
		.report = report,
		.box = box_new(),
		.scratch = arena_new(ARENA_FIRST),
	};
	int err = -ENOMEM;

	if (ld.box != NULL && ld.scratch != NULL) {
		ld.arena = ld.box->arena;
		err = load(&ld, &asked);
	}
	arena_free(ld.scratch);
	if (action != NULL)
		*action = asked;
	if (!err && asked != CONFIG_VERSION && asked != CONFIG_HELP)
		*ret = &ld.box->c;
	else
		config_unref(ld.box ? &ld.box->c : NULL);
	return err;
}

int config_load(const struct config_source *src, struct config **ret,
		enum config_action *action, struct config_report *report)
{
	return config_load_with(src, read_file, NULL, ret, action, report);
}

struct config *config_ref(struct config *c)
{
	struct config_box *box = (struct config_box *)(void *)c;

	atomic_fetch_add_explicit(&box->refs, 1, memory_order_relaxed);
	return c;
}

void config_unref(struct config *c)
{
	struct config_box *box = (struct config_box *)(void *)c;

	/* The last one must see what the others did before they let go. */
	if (c != NULL &&
	    atomic_fetch_sub_explicit(&box->refs, 1, memory_order_acq_rel) == 1)
		arena_free(box->arena);
}
