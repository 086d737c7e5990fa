/* pg_server.c - a PostgreSQL of the test program's own. */
#include "pg_server.h"

#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <pwd.h>
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
	char bin[128];
	char dir[64];
	char data[80];
	pid_t pid;    /* 0: it does not run */
	pid_t pooler; /* 0: none */
} server;

/* It refuses to run as root; Debian's package makes a user of its name. */
static void become_nobody(void)
{
	const struct passwd *pw = getpwnam("postgres");

	if (geteuid() != 0)
		return;
	if (pw == NULL)
		pw = getpwnam("nobody");
	if (pw == NULL || setgroups(0, NULL) < 0 || setgid(pw->pw_gid) < 0 ||
	    setuid(pw->pw_uid) < 0)
		_exit(126);
}

pid_t pg_server_spawn(const char *const argv[], int output)
{
	char path[256];
	pid_t pid;

	snprintf(path, sizeof(path), "%s%s", argv[0][0] == '/' ? "" : server.bin,
		 argv[0]);
	fflush(NULL);
	pid = fork();
	if (pid != 0)
		return pid;
	become_nobody();
	prctl(PR_SET_PDEATHSIG, SIGQUIT);
	if (output >= 0)
		dup2(output, STDOUT_FILENO);
	if (chdir("/") == 0)
		execv(path, (char *const *)(uintptr_t)argv);
	_exit(127);
}

static int run(const char *const argv[])
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC), status;
	pid_t pid = pg_server_spawn(argv, null);

	close(null);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

static int find_programs(void)
{
	glob_t found;
	int rc = glob("/usr/lib/postgresql/*/bin/", 0, NULL, &found);

	if (rc == 0)
		snprintf(server.bin, sizeof(server.bin), "%s",
			 found.gl_pathv[found.gl_pathc - 1]);
	else
		print_error("PostgreSQL's server is not installed\n");
	globfree(&found);
	return rc == 0 ? 0 : -1;
}

static int write_file(const char *dir, const char *name, const char *text)
{
	char path[160];
	FILE *f;
	int rc;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	if (f == NULL)
		return -1;
	rc = fputs(text, f) < 0 ? -1 : 0;
	return fclose(f) == 0 ? rc : -1;
}

static int make_cluster(void)
{
	const char *const initdb[] = {
		"initdb",     "--pgdata",        server.data,
		"--no-sync",  "--auth=trust",    "--username=memproxy",
		"--locale=C", "--encoding=UTF8", NULL
	};

	strcpy(server.dir, "/tmp/memproxy-pg-XXXXXX");
	if (mkdtemp(server.dir) == NULL || chmod(server.dir, 0777) < 0)
		return -1;
	snprintf(server.data, sizeof(server.data), "%s/data", server.dir);
	if (run(initdb) < 0)
		return -1;
	return write_file(server.data, "pg_hba.conf",
			  "local all guarded scram-sha-256\n"
			  "local all all trust\n");
}

static void address_of(char *address, size_t size)
{
	snprintf(address, size, "///postgres?user=memproxy&host=%s", server.dir);
}

static int wait_until_it_answers(const char *url, pid_t pid)
{
	const struct timespec pause = { .tv_nsec = PAUSE_MS * 1000000L };

	for (int waited = 0; waited < WAIT_MS; waited += PAUSE_MS) {
		if (PQping(url) == PQPING_OK)
			return 0;
		if (waitpid(pid, NULL, WNOHANG) != 0)
			break;
		nanosleep(&pause, NULL);
	}
	return -1;
}

static int begin(void)
{
	const char *const postgres[] = { "postgres",
					 "-D",
					 server.data,
					 "-k",
					 server.dir,
					 "-c",
					 "listen_addresses=",
					 "-c",
					 "fsync=off",
					 "-c",
					 "shared_buffers=16MB",
					 "-c",
					 "log_min_messages=panic",
					 "-c",
					 "deadlock_timeout=100ms",
					 NULL };
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	char url[160] = "postgresql:";

	server.pid = pg_server_spawn(postgres, null);
	close(null);
	address_of(url + strlen(url), sizeof(url) - strlen(url));
	return server.pid > 0 ? wait_until_it_answers(url, server.pid) : -1;
}

static void end(void)
{
	kill(server.pid, SIGINT);
	waitpid(server.pid, NULL, 0);
	server.pid = 0;
}

/* As it was before the first store: what a test left of rows or settings is gone. Where
 * it left the schema as it should be, that stays, for it takes its time to make. */
static void empty(PGconn *conn)
{
	pg_do(conn, "SET default_transaction_read_only = off");
	pg_do(conn, "DO $$ BEGIN"
		    " IF EXISTS (SELECT FROM pg_db_role_setting) THEN"
		    "  ALTER DATABASE postgres RESET ALL;"
		    " END IF;"
		    " IF to_regclass('memproxy.meta') IS NULL THEN"
		    "  DROP SCHEMA IF EXISTS memproxy;"
		    " ELSIF (SELECT version FROM memproxy.meta) > 1 THEN"
		    "  DROP SCHEMA memproxy CASCADE;"
		    " ELSE"
		    "  DELETE FROM memproxy.exchange;"
		    "  DELETE FROM memproxy.partition;"
		    "  UPDATE memproxy.meta SET epoch = 1,"
		    "   secret = sha256(random()::text::bytea);"
		    " END IF; END $$");
}

int pg_server_start(char *address, size_t size)
{
	PGconn *conn;

	if (server.dir[0] == '\0' && (find_programs() < 0 || make_cluster() < 0))
		return -1;
	if (server.pid == 0 && begin() < 0)
		return -1;
	address_of(address, size);
	conn = pg_server_connect();
	empty(conn);
	PQfinish(conn);
	return 0;
}

static void pooler_address_of(char *address, size_t size)
{
	snprintf(address, size, "///postgres?user=memproxy&port=6543&host=%s",
		 server.dir);
}

static int configure_pooler(void)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "[databases]\n"
		 "postgres = host=%s\n"
		 "[pgbouncer]\n"
		 "pool_mode = transaction\n"
		 "default_pool_size = 3\n"
		 "auth_type = trust\n"
		 "auth_file = %s/users.txt\n"
		 "listen_port = 6543\n"
		 "unix_socket_dir = %s\n",
		 server.dir, server.dir, server.dir);
	if (write_file(server.dir, "users.txt", "\"memproxy\" \"\"\n") < 0)
		return -1;
	return write_file(server.dir, "pgbouncer.ini", text);
}

static int start_pooler(void)
{
	char config[80], url[160] = "postgresql:";
	const char *const pgbouncer[] = { "/usr/sbin/pgbouncer", "-q", config, NULL };
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	snprintf(config, sizeof(config), "%s/pgbouncer.ini", server.dir);
	if (configure_pooler() == 0)
		server.pooler = pg_server_spawn(pgbouncer, null);
	close(null);
	pooler_address_of(url + strlen(url), sizeof(url) - strlen(url));
	return server.pooler > 0 ? wait_until_it_answers(url, server.pooler) : -1;
}

int pg_pooler_start(char *address, size_t size)
{
	if (pg_server_start(address, size) < 0 ||
	    (server.pooler == 0 && start_pooler() < 0))
		return -1;
	pooler_address_of(address, size);
	return 0;
}

/* Files of the server's user and of ours. */
static void remove_all(void)
{
	char command[96];

	snprintf(command, sizeof(command), "rm -rf %s", server.dir);
	if (system(command) != 0)
		print_error("%s is left behind\n", server.dir);
}

void pg_server_stop(void)
{
	if (server.pooler != 0) {
		kill(server.pooler, SIGTERM);
		waitpid(server.pooler, NULL, 0);
		server.pooler = 0;
	}
	if (server.pid != 0)
		end();
	if (server.dir[0] != '\0')
		remove_all();
	server.dir[0] = '\0';
}

void pg_server_halt(void)
{
	end();
}

void pg_server_resume(void)
{
	assert_int_equal(begin(), 0);
}

const char *pg_server_dir(void)
{
	return server.dir;
}

static void ignore_notice(void *arg, const PGresult *res)
{
	(void)arg;
	(void)res;
}

PGconn *pg_server_connect(void)
{
	char url[160] = "postgresql:";
	PGconn *conn;

	address_of(url + strlen(url), sizeof(url) - strlen(url));
	conn = PQconnectdb(url);
	if (PQstatus(conn) != CONNECTION_OK)
		fail_msg("%s", PQerrorMessage(conn));
	PQsetNoticeReceiver(conn, ignore_notice, NULL);
	return conn;
}

void pg_do(PGconn *conn, const char *sql)
{
	PGresult *r = PQexec(conn, sql);

	if (PQresultStatus(r) != PGRES_COMMAND_OK && PQresultStatus(r) != PGRES_TUPLES_OK)
		fail_msg("%s: %s", sql, PQerrorMessage(conn));
	PQclear(r);
}

char *pg_ask(PGconn *conn, const char *sql)
{
	PGresult *r = PQexec(conn, sql);
	char *text;

	if (PQresultStatus(r) != PGRES_TUPLES_OK || PQntuples(r) != 1)
		fail_msg("%s: %s", sql, PQerrorMessage(conn));
	text = strdup(PQgetvalue(r, 0, 0));
	PQclear(r);
	return text;
}
