/* redis_server.c - a Redis of the test program's own. */
#include "redis_server.h"

#include "fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WAIT_MS = 30000, PAUSE_MS = 5 };

/* The one server of this program. */
static struct {
	char dir[64];
	char socket[80], config[80];
	char password[32]; /* that its configuration asks for */
	pid_t pid;         /* 0: it does not run */
} server;

static void pause_a_little(void)
{
	const struct timespec pause = { .tv_nsec = PAUSE_MS * 1000000L };

	nanosleep(&pause, NULL);
}

static redisContext *connect_to_it(void)
{
	redisContext *c = redisConnectUnix(server.socket);

	if (c == NULL || c->err != 0) {
		redisFree(c);
		return NULL;
	}
	if (server.password[0] != '\0')
		freeReplyObject(redisCommand(c, "AUTH %s", server.password));
	return c;
}

static bool answers(void)
{
	redisContext *c = connect_to_it();
	redisReply *r = c ? redisCommand(c, "PING") : NULL;
	bool well = r != NULL && r->type == REDIS_REPLY_STATUS;

	freeReplyObject(r);
	if (c != NULL)
		redisFree(c);
	return well;
}

static void run_it(const char *const argv[])
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	execvp("redis-server", (char *const *)(uintptr_t)argv);
	_exit(127);
}

static void resume(const char *const argv[], bool (*ready)(void))
{
	fflush(NULL);
	server.pid = fork();
	if (server.pid == 0)
		run_it(argv);
	for (int waited = 0; waited < WAIT_MS; waited += PAUSE_MS) {
		if (ready())
			return;
		if (waitpid(server.pid, NULL, WNOHANG) != 0)
			break;
		pause_a_little();
	}
	fail_msg("redis-server does not run (is it installed?)");
}

void redis_server_resume(void)
{
	resume((const char *const[]){ "redis-server", server.config, NULL }, answers);
}

static bool loads(void)
{
	redisContext *c = connect_to_it();
	redisReply *r = c ? redisCommand(c, "PING") : NULL;
	bool is = r != NULL && r->type == REDIS_REPLY_ERROR &&
		  strncmp(r->str, "LOADING", 7) == 0;

	freeReplyObject(r);
	if (c != NULL)
		redisFree(c);
	return is;
}

void redis_server_resume_loading(void)
{
	resume((const char *const[]){ "redis-server", server.config, "--key-load-delay",
				      "2000", "--loading-process-events-interval-bytes",
				      "1024", NULL },
	       loads);
}

static void write_config(const char *config)
{
	const char *pass = strstr(config, "requirepass ");
	FILE *f = fopen(server.config, "w");

	assert_non_null(f);
	fprintf(f,
		"dir %s\nport 0\nunixsocket %s\nsave \"\"\nappendonly no\n"
		"daemonize no\nlogfile \"\"\nappendfsync no\n%s\n",
		server.dir, server.socket, config);
	assert_int_equal(fclose(f), 0);
	server.password[0] = '\0';
	if (pass != NULL)
		sscanf(pass, "requirepass %31s", server.password);
}

void redis_server_begin(const char *config)
{
	strcpy(server.dir, "/tmp/memproxy-redis-XXXXXX");
	assert_non_null(mkdtemp(server.dir));
	snprintf(server.socket, sizeof(server.socket), "%s/sock", server.dir);
	snprintf(server.config, sizeof(server.config), "%s/conf", server.dir);
	write_config(config);
	redis_server_resume();
}

void redis_server_kill(int signal)
{
	kill(server.pid, signal);
	waitpid(server.pid, NULL, 0);
	server.pid = 0;
}

static void empty_dir(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;
	char name[512];

	while (d != NULL && (e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, e->d_name);
		if (unlink(name) < 0)
			empty_dir(name);
	}
	if (d != NULL)
		closedir(d);
	rmdir(path);
}

void redis_server_stop(void)
{
	if (server.pid != 0)
		redis_server_kill(SIGKILL);
	if (server.dir[0] != '\0')
		empty_dir(server.dir);
	server.dir[0] = '\0';
}

int redis_server_start(char *address, size_t size)
{
	if (server.pid == 0)
		redis_server_begin("");
	redis_do("FLUSHALL");
	snprintf(address, size, "//%s", server.socket);
	return 0;
}

pid_t redis_server_pid(void)
{
	return server.pid;
}

const char *redis_server_dir(void)
{
	return server.dir;
}

const char *redis_server_socket(void)
{
	return server.socket;
}

struct redisReply *redis_ask(const char *words)
{
	redisContext *c = connect_to_it();
	redisReply *r;

	assert_non_null(c);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	r = redisCommand(c, words);
#pragma GCC diagnostic pop
	assert_non_null(r);
	if (r->type == REDIS_REPLY_ERROR)
		fail_msg("%s: %s", words, r->str);
	redisFree(c);
	return r;
}

void redis_do(const char *words)
{
	freeReplyObject(redis_ask(words));
}

static bool file_has(const char *path, const char *text)
{
	FILE *f = fopen(path, "r");
	struct stat st;
	char *all;
	bool has;

	if (f == NULL)
		return false; /* it went meanwhile */
	assert_int_equal(fstat(fileno(f), &st), 0);
	all = malloc((size_t)st.st_size + 1);
	assert_non_null(all);
	has = memmem(all, fread(all, 1, (size_t)st.st_size, f), text, strlen(text)) !=
	      NULL;
	free(all);
	fclose(f);
	return has;
}

static bool dir_has(const char *path, const char *text)
{
	DIR *d = opendir(path);
	struct dirent *e;
	char name[512];
	bool has = false;

	if (d == NULL)
		return false;
	while (!has && (e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, e->d_name);
		if (e->d_type == DT_REG)
			has = file_has(name, text);
		else if (e->d_type == DT_DIR)
			has = dir_has(name, text);
	}
	closedir(d);
	return has;
}

bool redis_files_have(const char *text)
{
	return dir_has(server.dir, text);
}

void redis_wait_for_files(void)
{
	static const char *const busy[] = { "aof_rewrite_in_progress:1",
					    "aof_rewrite_scheduled:1",
					    "rdb_bgsave_in_progress:1" };

	for (int waited = 0; waited < WAIT_MS; waited += PAUSE_MS) {
		redisReply *r = redis_ask("INFO persistence");
		bool any = false;

		for (size_t i = 0; i < sizeof(busy) / sizeof(*busy); i++)
			any |= strstr(r->str, busy[i]) != NULL;
		freeReplyObject(r);
		if (!any)
			return;
		pause_a_little();
	}
	fail_msg("the server goes on and on writing its files");
}
