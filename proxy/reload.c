/* reload.c - notices that a configuration file was saved. */
#include "proxy/reload.h"

#include <event2/event.h>
#include <event2/event_struct.h>

#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define SETTLE_MS 200
/* Files get the time of the last tick: up to 10 ms ago (CONFIG_HZ=100). */
#define CLOCK_GRAIN_MS 10

/* What tells one version of a file from another. */
struct stamp {
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec modified;
};

struct watched {
	char *path; /* owned */
	struct stamp seen;
};

struct reload {
	int fd;
	struct event readable, settle;
	struct watched *files; /* owned */
	size_t n_files;
	void (*changed)(void *arg);
	void *arg;
};

/* A file that is not there is a version of its own: all zero. */
static struct stamp stamp_of(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return (struct stamp){ 0 };
	return (struct stamp){ st.st_dev, st.st_ino, st.st_size, st.st_mtim };
}

static bool stamp_eq(const struct stamp *a, const struct stamp *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
	       a->modified.tv_sec == b->modified.tv_sec &&
	       a->modified.tv_nsec == b->modified.tv_nsec;
}

static void on_settled(evutil_socket_t fd, short what, void *arg)
{
	struct reload *r = arg;
	bool differs = false;

	(void)fd;
	(void)what;
	for (size_t i = 0; i < r->n_files; i++) {
		struct stamp now = stamp_of(r->files[i].path);

		differs = differs || !stamp_eq(&now, &r->files[i].seen);
		r->files[i].seen = now;
	}
	if (differs)
		r->changed(r->arg);
}

/* Not put off by what happens meanwhile: a busy directory must not delay it for ever. */
static void look_soon(struct reload *r)
{
	static const struct timeval settle = { 0, SETTLE_MS * 1000 };

	if (!evtimer_pending(&r->settle, NULL))
		evtimer_add(&r->settle, &settle);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct reload *r = arg;
	char events[4096];

	(void)what;
	while (read(fd, events, sizeof(events)) > 0)
		;
	look_soon(r);
}

static int watch_directory_of(struct reload *r, const char *path)
{
	char *copy = strdup(path);
	int rc;

	if (!copy)
		return -ENOMEM;
	rc = inotify_add_watch(r->fd, dirname(copy),
			       IN_CLOSE_WRITE | IN_MOVED_TO | IN_DELETE | IN_ONLYDIR);
	free(copy);
	/* An included file's directory may not be there: the rest is watched. */
	return rc < 0 && errno != ENOENT ? -errno : 0;
}

/* Where the name is, and where it leads to: either may be saved. */
static int watch_file(struct reload *r, const char *path)
{
	int err = watch_directory_of(r, path);
	char *real = err ? NULL : realpath(path, NULL);

	if (real)
		err = watch_directory_of(r, real);
	free(real);
	return err;
}

static void files_free(struct watched *files, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(files[i].path);
	free(files);
}

static bool modified_since(const struct stamp *s, uint64_t ms)
{
	uint64_t at = (uint64_t)s->modified.tv_sec * 1000 +
		      (uint64_t)s->modified.tv_nsec / 1000000;

	return at + CLOCK_GRAIN_MS >= ms;
}

/* What a file was when it was read; nothing, where that is not known. */
static struct stamp last_seen(const struct reload *r, const char *path,
			      uint64_t read_at_ms)
{
	struct stamp now = stamp_of(path);

	for (size_t i = 0; i < r->n_files; i++)
		if (strcmp(r->files[i].path, path) == 0)
			return r->files[i].seen;
	return modified_since(&now, read_at_ms) ? (struct stamp){ 0 } : now;
}

int reload_watch(struct reload *r, struct config_list files, uint64_t read_at_ms)
{
	struct watched *list = calloc(files.n + 1, sizeof(*list));
	int err = list ? 0 : -ENOMEM;
	size_t n = 0;

	for (; !err && n < files.n; n++) {
		list[n].path = strdup(files.v[n]);
		list[n].seen = last_seen(r, files.v[n], read_at_ms);
		err = list[n].path ? watch_file(r, list[n].path) : -ENOMEM;
	}
	if (err) {
		files_free(list, n);
		return err;
	}
	files_free(r->files, r->n_files);
	r->files = list;
	r->n_files = n;
	look_soon(r);
	return 0;
}

int reload_new(struct event_base *base, void (*changed)(void *arg), void *arg,
	       struct reload **ret)
{
	struct reload *r = calloc(1, sizeof(*r));
	int err;

	if (!r)
		return -ENOMEM;
	r->changed = changed;
	r->arg = arg;
	r->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (r->fd < 0) {
		err = -errno;
		free(r);
		return err;
	}
	event_assign(&r->readable, base, r->fd, EV_READ | EV_PERSIST, on_readable, r);
	evtimer_assign(&r->settle, base, on_settled, r);
	event_add(&r->readable, NULL);
	*ret = r;
	return 0;
}

void reload_free(struct reload *r)
{
	if (!r)
		return;
	event_del(&r->readable);
	evtimer_del(&r->settle);
	close(r->fd);
	files_free(r->files, r->n_files);
	free(r);
}
