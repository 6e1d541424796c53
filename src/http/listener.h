/* listener: listening TCP sockets. */
#ifndef HTTP_LISTENER_H
#define HTTP_LISTENER_H

#include "base/err.h"

enum { LISTENER_ADDRESS_MAX = 64 };

/* Whether only this machine can reach the address; false also for what is no address. */
bool listener_is_loopback(const char *host);

bool listener_is_address(const char *host);    /* numeric, IPv4 or IPv6 */
bool listener_is_everywhere(const char *host); /* every address of the machine */

/* The address of a connection's client. False: it can't be told. */
bool listener_peer(int fd, char out[LISTENER_ADDRESS_MAX]);

/* Binds and listens, non-blocking, the address reusable. shared: other sockets of the process listen on the same port,
 * and the kernel spreads connections over them. *port: 0 asks for any free one, on return the one taken. -1: see e. */
int listener_open(const char *host, unsigned *port, bool shared, struct err *e);

#endif
