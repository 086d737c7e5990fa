/*
 * redis_server.h - a Redis of the test program's own.
 *
 * In a new directory, on a Unix socket and a port of its own. It ends with the program
 * however that ends.
 */
#ifndef TESTS_STORE_REDIS_SERVER_H
#define TESTS_STORE_REDIS_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct redisReply;

/* For a row of backends[]: "redis+unix:%s" with the address is a URL. */
int redis_server_start(char *address, size_t size);
void redis_server_stop(void);

/* Started with what a redis.conf would say, in addition; "" where there is nothing. */
void redis_server_begin(const char *config);
void redis_server_kill(int signal); /* and waits for its end */
void redis_server_resume(void);     /* with the configuration it had */
/* As it was saved, some milliseconds a key: until then it answers -LOADING. */
void redis_server_resume_loading(void);
pid_t redis_server_pid(void);
const char *redis_server_dir(void);
const char *redis_server_socket(void);

/* Past the store: one command of words; failing is a failure of the test. To be freed. */
struct redisReply *redis_ask(const char *words);
void redis_do(const char *words);
/* Whether any file in its directory has these bytes. */
bool redis_files_have(const char *text);
void redis_wait_for_files(void); /* until nothing is being rewritten or saved */

#endif
