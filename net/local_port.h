/* local_port.h - the port that a socket is bound to. */
#ifndef NET_LOCAL_PORT_H
#define NET_LOCAL_PORT_H

/* Of an IPv4 or IPv6 socket; 0 where it has none. */
int local_port(int fd);

#endif
