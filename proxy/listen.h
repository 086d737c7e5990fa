/* listen.h - the listening socket. */
#ifndef PROXY_LISTEN_H
#define PROXY_LISTEN_H

#include <stdint.h>

/*
 * A non-blocking listening socket on host (a name or an address; NULL or "":
 * all addresses) and port (0: any free one), or -errno; -EADDRNOTAVAIL where
 * the host means nothing. TCP_NODELAY is set on it and inherited.
 */
int listen_on(const char *host, uint16_t port);

#endif
