/* notify: tells the service manager how we are (systemd's sd_notify protocol: a datagram to the socket that
 * $NOTIFY_SOCKET names). The protocol is a few lines and stable by promise, so we need no library for it. */
#ifndef BASE_NOTIFY_H
#define BASE_NOTIFY_H

/* Sends "READY=1", "STOPPING=1", "STATUS=…", lines joined by '\n'. Does nothing where nobody listens. */
void notify_send(const char *state);

/* "RELOADING=1" with the time that the protocol asks for; followed by notify_send("READY=1") when it is over. */
void notify_reloading(void);

#endif
