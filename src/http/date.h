/* date: the Date header's value, written anew once a second. One thread. */
#ifndef HTTP_DATE_H
#define HTTP_DATE_H

#include <time.h>

enum { DATE_BYTES = 32 };

struct date {
    time_t second; /* that text is about; zero-filled: none */
    char text[DATE_BYTES];
};

/* "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, 5.6.7), now. */
const char *date_now(struct date *d);

#endif
