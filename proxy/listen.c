/* listen.c - the listening socket. */
#include "proxy/listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* As nginx on Linux; the kernel cuts it to net.core.somaxconn. */
#define BACKLOG 511

static int listen_at(const struct addrinfo *at)
{
	int on = 1;
	int fd = socket(at->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (bind(fd, at->ai_addr, at->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

int listen_on(const char *host, uint16_t port)
{
	const struct addrinfo hints = {
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_PASSIVE | AI_NUMERICSERV,
	};
	struct addrinfo *found;
	char service[8];
	int fd = -EADDRNOTAVAIL;

	snprintf(service, sizeof(service), "%u", (unsigned)port);
	if (getaddrinfo(host && *host ? host : NULL, service, &hints, &found) != 0)
		return -EADDRNOTAVAIL;
	/* One in use is an error, though the name may have another. */
	for (struct addrinfo *at = found; at && fd < 0 && fd != -EADDRINUSE;
	     at = at->ai_next)
		fd = listen_at(at);
	freeaddrinfo(found);
	return fd;
}
