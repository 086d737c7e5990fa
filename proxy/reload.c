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
		r->changed(r->arg); /* may free r */
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval settle = { 0, SETTLE_MS * 1000 };
	struct reload *r = arg;
	char events[4096];

	(void)what;
	while (read(fd, events, sizeof(events)) > 0)
		;
	/* Not put off by more events: a busy directory must not delay it for ever. */
	if (!evtimer_pending(&r->settle, NULL))
		evtimer_add(&r->settle, &settle);
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

static int add_file(struct reload *r, const char *path)
{
	struct watched *w = &r->files[r->n_files];

	w->path = strdup(path);
	if (!w->path)
		return -ENOMEM;
	r->n_files++;
	w->seen = stamp_of(path);
	return watch_directory_of(r, path);
}

int reload_new(struct event_base *base, struct config_list files,
	       void (*changed)(void *arg), void *arg, struct reload **ret)
{
	struct reload *r = calloc(1, sizeof(*r));
	int err = 0;

	if (!r)
		return -ENOMEM;
	r->changed = changed;
	r->arg = arg;
	r->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	r->files = calloc(files.n ? files.n : 1, sizeof(*r->files));
	event_assign(&r->readable, base, r->fd, EV_READ | EV_PERSIST, on_readable, r);
	evtimer_assign(&r->settle, base, on_settled, r);
	if (r->fd < 0)
		err = -errno;
	else if (!r->files)
		err = -ENOMEM;
	for (size_t i = 0; !err && i < files.n; i++)
		err = add_file(r, files.v[i]);
	if (err) {
		reload_free(r);
		return err;
	}
	event_add(&r->readable, NULL);
	*ret = r;
	return 0;
}

void reload_free(struct reload *r)
{
	if (!r)
		return;
	if (r->fd >= 0) {
		event_del(&r->readable);
		close(r->fd);
	}
	evtimer_del(&r->settle);
	for (size_t i = 0; i < r->n_files; i++)
		free(r->files[i].path);
	free(r->files);
	free(r);
}
