#include "base/wal.h"

#include <stddef.h>

int wal_turn_on(sqlite3 *db, int wait_ms) {
    enum { STEP_MS = 5 };
    int rc;
    for (int waited = 0;; waited += STEP_MS) {
        rc = sqlite3_exec(db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL);
        if ((rc & 0xff) != SQLITE_BUSY || waited >= wait_ms) return rc;
        sqlite3_sleep(STEP_MS);
    }
}
