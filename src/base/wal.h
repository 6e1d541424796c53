/* wal: turns a SQLite file to write-ahead logging, beside other processes that do the same. */
#ifndef BASE_WAL_H
#define BASE_WAL_H

#include <sqlite3.h>

/* Turns the file to WAL, for good; nothing to do where it is so already. It waits up to wait_ms milliseconds for the
 * lock: SQLite's own busy timeout does not hold here, since the statement reads before it writes, and SQLite lets
 * nobody wait who reads already (sqlite.org/c3ref/busy_handler.html, of deadlocks). Returns SQLite's result code;
 * the database, the caller's, has the message. */
int wal_turn_on(sqlite3 *db, int wait_ms);

#endif
