/* reading.h - a folder with files, an environment, and a configuration read from them. */
#ifndef TESTS_CONFIG_READING_H
#define TESTS_CONFIG_READING_H

#include "config/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct reading {
	char dir[64];
	bool has_file; /* config.yaml was written: it is named with --config */
	const char *env[16][2];
	size_t n_env;
	struct config *c;
	enum config_action action;
	struct config_report report;
	char text[4096]; /* the report printed, without the folder's name */
};

/* For cmocka_unit_test_setup_teardown(). */
int reading_setup(void **state);
int reading_teardown(void **state);
#define READING(test) \
	cmocka_unit_test_setup_teardown(test, reading_setup, reading_teardown)

/* `name` may hold one folder, which is made. */
void reading_write(struct reading *rd, const char *name, const char *text);
void reading_env(struct reading *rd, const char *name, const char *value);
/* Flags end with NULL. What was read before is dropped. */
int reading_load(struct reading *rd, ...) __attribute__((sentinel));

/* config.yaml alone. */
int reading_load_text(struct reading *rd, const char *yaml);
/* Fails and gives this very report. */
void assert_refused(struct reading *rd, const char *yaml, const char *report);
/* Loads with this very report, "" for none. */
void assert_taken(struct reading *rd, const char *yaml, const char *report);

/* config_print(); to be free()d. */
char *reading_print(const struct reading *rd);

#endif
