/* For tests: another process that is just making a SQLite file. */
#ifndef BASE_WAL_FIXTURE_H
#define BASE_WAL_FIXTURE_H

#include "base/check.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

static void wal_hold(const char *path, int ready, unsigned ms) {
    sqlite3 *db;
    bool held = sqlite3_open(path, &db) == SQLITE_OK &&
                sqlite3_exec(db, "PRAGMA user_version = 0; BEGIN IMMEDIATE", 0, 0, 0) == SQLITE_OK;
    if (!held || write(ready, "r", 1) != 1) _exit(1);
    usleep(ms * 1000);
    _exit(0); /* gives the lock back */
}

/* The file's first page is there, and its lock is held for `ms` milliseconds from now. Returns the process, for
 * wal_wait. */
static pid_t wal_holder(const char *path, unsigned ms) {
    int ready[2];
    char byte;
    CHECK(pipe(ready) == 0);
    pid_t pid = fork();
    if (pid == 0) wal_hold(path, ready[1], ms);
    CHECK(read(ready[0], &byte, 1) == 1);
    close(ready[0]);
    close(ready[1]);
    return pid;
}

static void wal_wait(pid_t holder) {
    int status = 1;
    waitpid(holder, &status, 0);
    CHECK_INT(status, 0);
}

#endif
