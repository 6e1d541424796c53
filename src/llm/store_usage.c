#include "llm/store_usage.h"

#include "llm/budget.h"

#include <sqlite3.h>
#include <unistd.h>

enum { READ_WAIT_MS = 200 };

static const char SQL_DAYS[] =
    "SELECT start, calls, tokens, tokens_out FROM usage WHERE kind = ?1 AND start >= ?2 ORDER BY start LIMIT ?3";

static uint64_t column_count(sqlite3_stmt *st, int column) {
    int64_t n = sqlite3_column_int64(st, column);
    return n > 0 ? (uint64_t)n : 0;
}

static int read_days(sqlite3 *db, int64_t since, struct store_usage_day *out) {
    sqlite3_stmt *st = NULL;
    int n = 0, rc;
    if (sqlite3_prepare_v2(db, SQL_DAYS, -1, &st, NULL) != SQLITE_OK) return -1;
    sqlite3_bind_int(st, 1, BUDGET_DAY);
    sqlite3_bind_int64(st, 2, since);
    sqlite3_bind_int(st, 3, STORE_USAGE_DAYS_MAX + 1);
    while ((rc = sqlite3_step(st)) == SQLITE_ROW)
        out[n++] = (struct store_usage_day){sqlite3_column_int64(st, 0), column_count(st, 1), column_count(st, 2),
                                            column_count(st, 3)};
    sqlite3_finalize(st);
    return rc == SQLITE_DONE ? n : -1;
}

int store_usage_read(const char *path, int64_t since, struct store_usage_day *out, struct err *e) {
    sqlite3 *db = NULL;
    if (access(path, F_OK) != 0) return 0;
    int n = -1;
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_OK) {
        sqlite3_busy_timeout(db, READ_WAIT_MS);
        n = read_days(db, since, out);
    }
    if (n < 0) err_set(e, ERR_IO, "%s: %s", path, sqlite3_errmsg(db));
    sqlite3_close(db);
    return n;
}
