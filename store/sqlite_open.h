/* sqlite_open.h - a configured SQLite connection. Private to sqlite_db.c and the schema.
 */
#ifndef STORE_SQLITE_OPEN_H
#define STORE_SQLITE_OPEN_H

struct sqlite3;

/* "memp": the application_id of our files (https://sqlite.org/fileformat2.html, 1.3.15)
 */
#define SQLITE_APPLICATION_ID 0x6d656d70

/* A number of ours inside an SQL text. */
#define STRINGIFY(x) #x
#define DECIMAL(x)   STRINGIFY(x)

/* path, return value and *reterr (not yet made: NULL) as for db_open(). */
int sqlite_open(const char *path, struct sqlite3 **ret, char **reterr);

#endif
