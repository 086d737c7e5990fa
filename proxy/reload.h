/*
 * reload.h - notices that a configuration file was saved.
 *
 * Watches the directories, not the files: editors and tools replace a file by
 * renaming another over it. Of a symbolic link its own and its target's. Looks
 * 200 ms after something happened there, so that a save in several steps is read
 * once, and tells only if a file differs.
 */
#ifndef PROXY_RELOAD_H
#define PROXY_RELOAD_H

#include "config/config.h"

struct event_base;
struct reload;

/* changed() runs on base's loop. 0 or -errno (no inotify: then only a SIGHUP reloads). */
int reload_new(struct event_base *base, void (*changed)(void *arg), void *arg,
	       struct reload **ret);
/*
 * Watches these files from now on; the names are copied. No save since they
 * were read is missed: one that was watched before is compared with what it was
 * when changed() last ran, another with the time when reading began (wall clock).
 * 0 or -errno.
 */
int reload_watch(struct reload *r, struct config_list files, uint64_t read_at_ms);
void reload_free(struct reload *r); /* NULL is fine */

#endif
