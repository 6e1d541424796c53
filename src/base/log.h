/* log: what the program says about itself, one line an event on stderr, as key=value text or JSON. Never the text of a
 * user's log line above debug. Rate-limited: past LOG_BURST lines a second, lines are counted and the count is said. So
 * are lines for which stderr has no room: nobody waits for whoever reads the log. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_NOTHING /* nothing is said */ };
enum { LOG_BURST = 200 };

/* Any time. */
void log_setup(enum log_level least, bool json);

/* event: a fixed name such as "server.start"; the rest is a sentence for people. */
void log_write(enum log_level level, const char *event, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Lines that were not written since the process began, by rate or for want of room. Any thread. */
uint64_t log_lost(void);

#define log_debug(...) log_write(LOG_DEBUG, __VA_ARGS__)
#define log_info(...)  log_write(LOG_INFO, __VA_ARGS__)
#define log_warn(...)  log_write(LOG_WARN, __VA_ARGS__)
#define log_error(...) log_write(LOG_ERROR, __VA_ARGS__)

#endif
