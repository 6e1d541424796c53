#include "base/wal.h"

#include "base/wal_fixture.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

static char g_path[64];

static void wal_remove_files(void) {
    static const char *const SIDE[] = {"", "-wal", "-shm", "-journal"};
    char path[80];
    for (size_t i = 0; i < sizeof SIDE / sizeof SIDE[0]; i++) {
        snprintf(path, sizeof path, "%s%s", g_path, SIDE[i]);
        unlink(path);
    }
}

static sqlite3 *open_path(void) {
    sqlite3 *db = NULL;
    snprintf(g_path, sizeof g_path, "/tmp/logclass_wal_test_%d.db", (int)getpid());
    CHECK(sqlite3_open(g_path, &db) == SQLITE_OK);
    return db;
}

static void another_process_is_waited_for(void) {
    sqlite3 *db = open_path();
    pid_t holder = wal_holder(g_path, 50);
    CHECK_INT(wal_turn_on(db, 60000), SQLITE_OK);
    wal_wait(holder);
    CHECK_INT(sqlite3_exec(db, "CREATE TABLE t(x)", 0, 0, 0), SQLITE_OK);
    char path[80];
    snprintf(path, sizeof path, "%s-wal", g_path);
    CHECK(access(path, F_OK) == 0);
    CHECK_INT(wal_turn_on(db, 0), SQLITE_OK); /* again: nothing to do */
    sqlite3_close(db);
    wal_remove_files();
}

static void it_does_not_wait_for_ever(void) {
    sqlite3 *db = open_path();
    pid_t holder = wal_holder(g_path, 60000);
    CHECK_INT(wal_turn_on(db, 10) & 0xff, SQLITE_BUSY);
    CHECK(strstr(sqlite3_errmsg(db), "locked") != NULL);
    kill(holder, SIGKILL);
    waitpid(holder, NULL, 0);
    sqlite3_close(db);
    wal_remove_files();
}

static void what_is_no_database_is_not_waited_for(void) {
    sqlite3 *db = open_path();
    FILE *f = fopen(g_path, "w");
    CHECK(f != NULL);
    for (int i = 0; i < 200; i++) fputs("no database", f);
    fclose(f);
    CHECK_INT(wal_turn_on(db, 60000) & 0xff, SQLITE_NOTADB);
    sqlite3_close(db);
    wal_remove_files();
}

CHECK_MAIN(CHECK_TEST(another_process_is_waited_for), CHECK_TEST(it_does_not_wait_for_ever),
           CHECK_TEST(what_is_no_database_is_not_waited_for))
