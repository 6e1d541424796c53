/* terminal: what stdout is, so that output can suit it. */
#ifndef APP_TERMINAL_H
#define APP_TERMINAL_H

#include <stdbool.h>

/* Whether stdout is a terminal that wants colour: NO_COLOR is not set. */
bool terminal_wants_colour(
    const char *when); /* "auto", "always" or "never"; auto: a terminal that can, NO_COLOR unset */

/* Width of the terminal on stdout, in columns; 0: it is not known, or stdout is not a terminal. */
unsigned terminal_columns(void);

#endif
