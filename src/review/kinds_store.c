#include "review/kinds_store.h"

#include "base/must.h"
#include "base/wal.h"
#include "data/decider.h"
#include "review/kinds_internal.h"
#include "text/mask.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    KINDS_APPLICATION = 0x6c6f676b,
    KINDS_BUSY_MS = 200,
    KINDS_OPEN_BUSY_MS = 5000,
    PATH_BYTES = 4096,
    PAST_BYTES_MIN = 40, /* of a kind's past, by the first versions */
};

static const char KINDS_SCHEMA[] =
    "CREATE TABLE IF NOT EXISTS kinds("
    " id INTEGER PRIMARY KEY, text BLOB NOT NULL, message_at INTEGER NOT NULL, mask INTEGER NOT NULL, lines INTEGER "
    "NOT NULL,"
    " first INTEGER NOT NULL, last INTEGER NOT NULL, label TEXT NOT NULL, stage INTEGER NOT NULL, best TEXT NOT NULL,"
    " second TEXT NOT NULL, p1 INTEGER NOT NULL, p2 INTEGER NOT NULL, state INTEGER NOT NULL, state_at INTEGER NOT "
    "NULL,"
    " flags INTEGER NOT NULL, hour INTEGER NOT NULL, this_hour INTEGER NOT NULL, past BLOB NOT NULL);"
    "DROP INDEX IF EXISTS kinds_last;" /* of earlier versions: it cost each write half as much again, or more */
    "CREATE TABLE IF NOT EXISTS totals("
    " hour INTEGER NOT NULL, label TEXT NOT NULL, stage INTEGER NOT NULL, lines INTEGER NOT NULL,"
    " PRIMARY KEY(hour, label, stage)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS ruled(rule INTEGER PRIMARY KEY, lines INTEGER NOT NULL, last INTEGER NOT NULL);"
    "CREATE TABLE IF NOT EXISTS ruled_hours("
    " hour INTEGER NOT NULL, rule INTEGER NOT NULL, lines INTEGER NOT NULL, PRIMARY KEY(hour, rule)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS marks("
    " id INTEGER PRIMARY KEY, at INTEGER NOT NULL, text TEXT NOT NULL, UNIQUE(at, text));"
    "CREATE TABLE IF NOT EXISTS told(run INTEGER PRIMARY KEY, seq INTEGER NOT NULL, at INTEGER NOT NULL);"
    "CREATE TABLE IF NOT EXISTS blocks(name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;";

enum kinds_sql {
    KINDS_PUT,
    KINDS_DELETE,
    KINDS_TOTAL,
    KINDS_RULED,
    KINDS_RULED_HOUR,
    KINDS_MARK,
    KINDS_TOLD,
    KINDS_STATEMENTS
};

static const char *const KINDS_SQL[KINDS_STATEMENTS] = {
    [KINDS_PUT] =
        "INSERT INTO kinds VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18,"
        " ?19) ON CONFLICT(id) DO UPDATE SET lines = lines + ?5, first = min(first, ?6), last = max(last, ?7),"
        " label = ?8, stage = ?9, best = ?10, second = ?11, p1 = ?12, p2 = ?13, state = ?14, state_at = ?15,"
        " flags = ?16, hour = ?17, this_hour = ?18, past = ?19",
    [KINDS_DELETE] = "DELETE FROM kinds WHERE id = ?1",
    [KINDS_TOTAL] =
        "INSERT INTO totals VALUES(?1, ?2, ?3, ?4) ON CONFLICT(hour, label, stage) DO UPDATE SET lines = lines + ?4",
    [KINDS_RULED] = ("INSERT INTO ruled VALUES(?1, ?2, ?3) ON CONFLICT(rule) DO UPDATE SET lines = lines + ?2,"
                     " last = max(last, ?3)"),
    [KINDS_RULED_HOUR] =
        "INSERT INTO ruled_hours VALUES(?1, ?2, ?3) ON CONFLICT(hour, rule) DO UPDATE SET lines = lines + ?3",
    [KINDS_MARK] = "INSERT OR IGNORE INTO marks(at, text) VALUES(?1, ?2)",
    [KINDS_TOLD] = "INSERT INTO told VALUES(?1, ?2, ?3) ON CONFLICT(run) DO UPDATE SET seq = ?2, at = ?3",
};

/* A kind that is to be written, out of its shard's lock. */
struct kinds_row {
    struct kind kind; /* text: an offset in `text` */
    struct kind_past past;
    size_t text_at;
    uint32_t shard, slot;
};

/* What was taken out to be written beside the kinds; goes back where it was not. */
struct kinds_counts {
    struct totals_cell total[KINDS_STORE_COUNTS];
    struct ruled_hour ruled[KINDS_STORE_COUNTS];
    struct mark mark[MARKS_MAX];
    uint64_t dropped[KINDS_DELETED_MAX]; /* ids that the file is to forget */
    unsigned totals, ruleds, marks;
    size_t drops;
};

struct kinds_store {
    sqlite3 *db;
    sqlite3_stmt *st[KINDS_STATEMENTS];
    struct kinds_row *row; /* [KINDS_STORE_ROWS] */
    unsigned rows;
    unsigned next_shard; /* where the next write begins */
    struct buf text;
    struct kinds_counts *counts;
    bool damaged, was_damaged;
    struct told_row told[TOLD_MAX]; /* as of when the rows were collected */
    char path[PATH_BYTES];
};

/* ---- SQLite ---- */

static bool kinds_error(struct kinds_store *s, struct err *e) {
    int code = sqlite3_errcode(s->db) & 0xff;
    s->damaged = code == SQLITE_CORRUPT || code == SQLITE_NOTADB || code == SQLITE_ERROR;
    return err_set(e, ERR_IO, "%s: %s", s->path, sqlite3_errmsg(s->db));
}

static bool kinds_exec(struct kinds_store *s, const char *sql, struct err *e) {
    return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK || kinds_error(s, e);
}

static bool kinds_step(struct kinds_store *s, enum kinds_sql which, struct err *e) {
    sqlite3_stmt *st = s->st[which];
    int rc = sqlite3_step(st);
    sqlite3_reset(st);
    sqlite3_clear_bindings(st);
    return rc == SQLITE_DONE || kinds_error(s, e);
}

static bool kinds_number(struct kinds_store *s, const char *sql, int64_t *out, struct err *e) {
    sqlite3_stmt *st = NULL;
    bool ok = sqlite3_prepare_v2(s->db, sql, -1, &st, NULL) == SQLITE_OK && sqlite3_step(st) == SQLITE_ROW;
    if (ok) *out = sqlite3_column_int64(st, 0);
    if (!ok) kinds_error(s, e);
    sqlite3_finalize(st);
    return ok;
}

/* A new file gets our form; any other is not ours. */
static bool kinds_check_form(struct kinds_store *s, struct err *e) {
    char sql[128];
    int64_t tables, application, form;
    if (!kinds_number(s, "SELECT count(*) FROM sqlite_master", &tables, e) ||
        !kinds_number(s, "PRAGMA application_id", &application, e) || !kinds_number(s, "PRAGMA user_version", &form, e))
        return false;
    if (tables > 0 && (application != KINDS_APPLICATION || form != KINDS_STORE_FORM)) {
        s->damaged = true;
        return err_set(e, ERR_INPUT, "%s: no inventory of form %d", s->path, KINDS_STORE_FORM);
    }
    snprintf(sql, sizeof sql, "PRAGMA application_id = %d; PRAGMA user_version = %d", KINDS_APPLICATION,
             KINDS_STORE_FORM);
    return kinds_exec(s, sql, e);
}

static bool kinds_make_tables(struct kinds_store *s, struct err *e) {
    struct err ignored;
    if (!kinds_exec(s, "BEGIN IMMEDIATE", e)) return false;
    bool ok = kinds_check_form(s, e) && kinds_exec(s, KINDS_SCHEMA, e) && kinds_exec(s, "COMMIT", e);
    bool damaged = s->damaged;
    if (!ok) kinds_exec(s, "ROLLBACK", &ignored);
    s->damaged = damaged;
    return ok;
}

static bool kinds_open_file(struct kinds_store *s, struct err *e) {
    int fd = open(s->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600); /* templates may tell something about who we are */
    if (fd < 0) return err_set(e, ERR_IO, "%s: %s", s->path, strerror(errno));
    close(fd);
    if (sqlite3_open_v2(s->path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL) !=
        SQLITE_OK)
        return kinds_error(s, e);
    sqlite3_busy_timeout(s->db, KINDS_OPEN_BUSY_MS);
    bool ok = kinds_exec(s, "PRAGMA auto_vacuum = INCREMENTAL", e) &&
              (wal_turn_on(s->db, KINDS_OPEN_BUSY_MS) == SQLITE_OK || kinds_error(s, e)) &&
              kinds_exec(s, "PRAGMA synchronous = NORMAL; PRAGMA secure_delete = ON", e) && kinds_make_tables(s, e);
    for (int i = 0; ok && i < KINDS_STATEMENTS; i++)
        if (sqlite3_prepare_v3(s->db, KINDS_SQL[i], -1, SQLITE_PREPARE_PERSISTENT, &s->st[i], NULL) != SQLITE_OK)
            ok = kinds_error(s, e);
    sqlite3_busy_timeout(s->db, KINDS_BUSY_MS);
    return ok;
}

static void kinds_close_file(struct kinds_store *s) {
    for (int i = 0; i < KINDS_STATEMENTS; i++) sqlite3_finalize(s->st[i]), s->st[i] = NULL;
    sqlite3_close(s->db);
    s->db = NULL;
}

/* So that somebody may still look into it. */
static bool kinds_set_aside(const struct kinds_store *s) {
    static const char *const SIDE[] = {"", "-wal", "-shm"};
    char from[PATH_BYTES + 8], to[PATH_BYTES + 24];
    bool moved = false;
    for (size_t i = 0; i < sizeof SIDE / sizeof SIDE[0]; i++) {
        snprintf(from, sizeof from, "%s%s", s->path, SIDE[i]);
        snprintf(to, sizeof to, "%s.damaged%s", s->path, SIDE[i]);
        bool one = rename(from, to) == 0;
        if (i == 0) moved = one;
    }
    return moved;
}

struct kinds_store *kinds_store_open(const char *path, struct err *e) {
    struct kinds_store *s = must_calloc(1, sizeof *s);
    snprintf(s->path, sizeof s->path, "%s", path);
    s->row = must_calloc(KINDS_STORE_ROWS, sizeof *s->row);
    s->counts = must_calloc(1, sizeof *s->counts);
    buf_init(&s->text, (size_t)KINDS_STORE_ROWS * KINDS_TEXT_MAX);
    bool ok = kinds_open_file(s, e);
    if (!ok && s->damaged) {
        kinds_close_file(s);
        s->damaged = false;
        ok = s->was_damaged = kinds_set_aside(s) && kinds_open_file(s, e);
    }
    if (ok) return s;
    kinds_store_close(s);
    return NULL;
}

bool kinds_store_was_damaged(const struct kinds_store *s) {
    return s->was_damaged;
}

void kinds_store_close(struct kinds_store *s) {
    if (!s) return;
    kinds_close_file(s);
    buf_release(&s->text);
    free(s->counts);
    free(s->row);
    free(s);
}

/* ---- writing ---- */

/* Copies what has changed out of one shard, and takes it for written. */
static void collect_shard(struct kinds_store *s, struct kinds *k, unsigned n) {
    struct kinds_shard *sh = &k->shard[n];
    pthread_mutex_lock(&sh->lock);
    for (uint32_t i = 0; i < sh->top && s->rows < KINDS_STORE_ROWS; i++) {
        struct kind *c = &sh->kind[i];
        if (!c->text || (!(c->flags & KIND_FLAG_DIRTY) && !c->unwritten)) continue;
        struct kinds_row *r = &s->row[s->rows++];
        *r = (struct kinds_row){.kind = *c, .past = sh->past[i], .text_at = s->text.n, .shard = n, .slot = i};
        buf_put(&s->text, c->text, c->text_n);
        c->unwritten = 0;
        c->flags = (uint8_t)((c->flags & ~KIND_FLAG_DIRTY) | KIND_FLAG_STORED);
    }
    pthread_mutex_unlock(&sh->lock);
}

/* What was counted or noted beside the kinds. True: there is more than one write takes. */
static bool collect_counts(struct kinds_counts *c, struct book *b) {
    c->totals = b->totals ? totals_take_unwritten(b->totals, c->total, KINDS_STORE_COUNTS) : 0;
    c->ruleds = b->ruled ? ruled_take_unwritten(b->ruled, c->ruled, KINDS_STORE_COUNTS) : 0;
    c->marks = b->marks ? marks_take_unwritten(b->marks, c->mark) : 0;
    c->drops = kinds_take_dropped(b->kinds, c->dropped);
    return c->totals == KINDS_STORE_COUNTS || c->ruleds + RULED_HOURS >= KINDS_STORE_COUNTS;
}

static void give_counts_back(struct kinds_counts *c, struct book *b) {
    if (b->totals) totals_give_back(b->totals, c->total, c->totals);
    if (b->ruled) ruled_give_back(b->ruled, c->ruled, c->ruleds);
    if (b->marks) marks_give_back(b->marks, c->mark, c->marks);
    for (size_t i = 0; i < c->drops; i++) kinds_note_dropped(b->kinds, c->dropped[i]);
}

/* Of a write that failed: they are to be written again. */
static void give_kinds_back(struct kinds_store *s, struct kinds *k) {
    for (unsigned i = 0; i < s->rows; i++) {
        const struct kinds_row *r = &s->row[i];
        struct kinds_shard *sh = &k->shard[r->shard];
        pthread_mutex_lock(&sh->lock);
        struct kind *c = &sh->kind[r->slot];
        if (c->text && c->id == r->kind.id) {
            c->unwritten += r->kind.unwritten;
            c->flags |= KIND_FLAG_DIRTY;
            if (!(r->kind.flags & KIND_FLAG_STORED)) c->flags = (uint8_t)(c->flags & ~KIND_FLAG_STORED);
        }
        pthread_mutex_unlock(&sh->lock);
    }
}

static void bind_label(sqlite3_stmt *st, int at, const struct kinds *k, uint8_t label) {
    sqlite3_bind_text(st, at, kinds_label_id(k, label), -1, SQLITE_STATIC);
}

static bool put_row(struct kinds_store *s, const struct kinds *k, const struct kinds_row *r, struct err *e) {
    const struct kind *c = &r->kind;
    const int64_t number[] = {(int64_t)c->id,
                              0,
                              c->message_at,
                              MASK_VERSION,
                              c->unwritten,
                              c->first,
                              c->last,
                              0,
                              c->stage,
                              0,
                              0,
                              c->p1,
                              c->p2,
                              c->state,
                              c->state_at,
                              c->flags & (KIND_FLAG_BY_RULE | KIND_FLAG_REDACTED | KIND_FLAG_KEPT),
                              k->hour,
                              c->this_hour};
    sqlite3_stmt *st = s->st[KINDS_PUT];
    for (int i = 0; i < (int)(sizeof number / sizeof number[0]); i++) sqlite3_bind_int64(st, i + 1, number[i]);
    sqlite3_bind_blob(st, 2, s->text.p + r->text_at, c->text_n, SQLITE_STATIC);
    bind_label(st, 8, k, c->label);
    bind_label(st, 10, k, c->best);
    bind_label(st, 11, k, c->second);
    sqlite3_bind_blob(st, 19, &r->past, sizeof r->past, SQLITE_STATIC);
    return kinds_step(s, KINDS_PUT, e);
}

static bool put_total(struct kinds_store *s, const struct kinds *k, const struct totals_cell *c, struct err *e) {
    sqlite3_stmt *st = s->st[KINDS_TOTAL];
    sqlite3_bind_int64(st, 1, c->hour);
    bind_label(st, 2, k, c->label);
    sqlite3_bind_int64(st, 3, c->stage);
    sqlite3_bind_int64(st, 4, c->lines);
    return kinds_step(s, KINDS_TOTAL, e);
}

static bool put_ruled(struct kinds_store *s, const struct ruled_hour *h, struct err *e) {
    sqlite3_stmt *one = s->st[KINDS_RULED_HOUR], *all = s->st[KINDS_RULED];
    sqlite3_bind_int64(one, 1, h->hour);
    sqlite3_bind_int64(one, 2, (int64_t)h->rule);
    sqlite3_bind_int64(one, 3, h->lines);
    if (h->hour && !kinds_step(s, KINDS_RULED_HOUR, e)) return false;
    sqlite3_bind_int64(all, 1, (int64_t)h->rule);
    sqlite3_bind_int64(all, 2, h->lines);
    sqlite3_bind_int64(all, 3, h->last);
    return kinds_step(s, KINDS_RULED, e);
}

static bool put_mark(struct kinds_store *s, const struct mark *m, struct err *e) {
    sqlite3_bind_int64(s->st[KINDS_MARK], 1, m->at);
    sqlite3_bind_text(s->st[KINDS_MARK], 2, m->text, -1, SQLITE_STATIC);
    return kinds_step(s, KINDS_MARK, e);
}

static bool put_told(struct kinds_store *s, struct err *e) {
    bool ok = true;
    for (unsigned i = 0; i < TOLD_MAX && ok; i++) {
        if (!s->told[i].run) continue;
        sqlite3_bind_int64(s->st[KINDS_TOLD], 1, (int64_t)s->told[i].run);
        sqlite3_bind_int64(s->st[KINDS_TOLD], 2, (int64_t)s->told[i].seq);
        sqlite3_bind_int64(s->st[KINDS_TOLD], 3, s->told[i].at);
        ok = kinds_step(s, KINDS_TOLD, e);
    }
    return ok;
}

/* Every ten minutes for a moment, and 2.4 MB large: neither it nor the statement, whose registers grow with it, is
 * kept. */
static bool kinds_put_block(struct kinds_store *s, struct kinds *k, struct err *e) {
    static const char SQL[] = "INSERT INTO blocks VALUES(?1, ?2) ON CONFLICT(name) DO UPDATE SET value = ?2";
    sqlite3_stmt *st = NULL;
    uint8_t *block = malloc(KINDS_BLOOM_SAVED);
    if (!block) return err_set(e, ERR_MEMORY, "%s: no memory for what is to be written", s->path);
    kinds_bloom_save(&k->bloom, block);
    bool ok = sqlite3_prepare_v2(s->db, SQL, -1, &st, NULL) == SQLITE_OK;
    if (ok) sqlite3_bind_text(st, 1, "seen", -1, SQLITE_STATIC);
    if (ok) sqlite3_bind_blob(st, 2, block, KINDS_BLOOM_SAVED, SQLITE_STATIC);
    ok = ok && sqlite3_step(st) == SQLITE_DONE;
    if (!ok) kinds_error(s, e);
    sqlite3_finalize(st);
    free(block);
    return ok;
}

/* Ids that were dropped, unless they are here again. */
static bool delete_dropped(struct kinds_store *s, struct kinds *k, struct err *e) {
    bool ok = true;
    for (size_t i = 0; i < s->counts->drops && ok; i++) {
        struct kinds_shard *sh;
        bool again = kinds_lock_id(k, s->counts->dropped[i], &sh) != KIND_NONE;
        if (again) pthread_mutex_unlock(&sh->lock);
        sqlite3_bind_int64(s->st[KINDS_DELETE], 1, (int64_t)s->counts->dropped[i]);
        ok = again || kinds_step(s, KINDS_DELETE, e);
    }
    return ok;
}

static bool put_collected(struct kinds_store *s, const struct kinds *k, struct err *e) {
    const struct kinds_counts *c = s->counts;
    bool ok = true;
    for (unsigned i = 0; i < c->totals && ok; i++) ok = put_total(s, k, &c->total[i], e);
    for (unsigned i = 0; i < c->ruleds && ok; i++) ok = put_ruled(s, &c->ruled[i], e);
    for (unsigned i = 0; i < c->marks && ok; i++) ok = put_mark(s, &c->mark[i], e);
    return ok;
}

/* One transaction of all that was collected. */
static bool put_all(struct kinds_store *s, struct kinds *k, bool all, struct err *e) {
    struct err ignored;
    bool begun = kinds_exec(s, "BEGIN IMMEDIATE", e), ok = begun;
    for (unsigned i = 0; ok && i < s->rows; i++) ok = put_row(s, k, &s->row[i], e);
    ok = ok && put_collected(s, k, e) && put_told(s, e) && delete_dropped(s, k, e) &&
         (!all || kinds_put_block(s, k, e)) && kinds_exec(s, "COMMIT", e);
    if (!ok && begun) kinds_exec(s, "ROLLBACK", &ignored);
    return ok;
}

bool kinds_store_write(struct kinds_store *s, struct book *b, bool all, bool *more, struct err *e) {
    struct kinds *k = b->kinds;
    s->rows = 0;
    buf_reset(&s->text);
    pthread_mutex_lock(&b->told.lock); /* a parcel's counts and its number are written together */
    for (unsigned i = 0; i < KINDS_SHARDS && s->rows < KINDS_STORE_ROWS; i++)
        collect_shard(s, k, (s->next_shard + i) % KINDS_SHARDS);
    memcpy(s->told, b->told.row, sizeof s->told);
    pthread_mutex_unlock(&b->told.lock);
    bool others = collect_counts(s->counts, b);
    *more = others || s->rows == KINDS_STORE_ROWS;
    bool ok = s->text.failed ? err_set(e, ERR_MEMORY, "%s: no memory for what is to be written", s->path)
                             : put_all(s, k, all, e);
    if (!ok) give_kinds_back(s, k), give_counts_back(s->counts, b);
    if (all) sqlite3_db_release_memory(s->db);
    if (s->rows) s->next_shard = s->row[s->rows - 1].shard;
    return ok;
}

bool kinds_store_forget(struct kinds_store *s, uint64_t id, struct err *e) {
    sqlite3_bind_int64(s->st[KINDS_DELETE], 1, (int64_t)id);
    return kinds_step(s, KINDS_DELETE, e) && kinds_exec(s, "PRAGMA wal_checkpoint(TRUNCATE)", e);
}

/* ---- loading ---- */

static uint8_t column_label(struct kinds *k, sqlite3_stmt *st, int at) {
    const char *text = (const char *)sqlite3_column_text(st, at);
    return kinds_label(k, (struct span){text, text ? (size_t)sqlite3_column_bytes(st, at) : 0});
}

static uint32_t column_u32(sqlite3_stmt *st, int at) {
    int64_t n = sqlite3_column_int64(st, at);
    return n < 0 ? 0 : n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

/* The text of a row, masked anew where other rules of masking made it. */
static size_t row_text(sqlite3_stmt *st, char *out, size_t *message_at) {
    const char *text = sqlite3_column_blob(st, 1);
    size_t n = (size_t)sqlite3_column_bytes(st, 1);
    *message_at = column_u32(st, 2);
    if (!text || n == 0 || n > MASK_INPUT_MAX || *message_at >= n) *message_at = 0;
    if (column_u32(st, 3) != MASK_VERSION && text && n <= MASK_INPUT_MAX) {
        memcpy(out, text, *message_at);
        return *message_at + mask_line((struct span){text + *message_at, n - *message_at}, out + *message_at);
    }
    if (text && n < KINDS_TEXT_MAX) memcpy(out, text, n);
    return text && n < KINDS_TEXT_MAX ? n : 0;
}

static void fill_row(struct kinds *k, sqlite3_stmt *st, struct kind *c, struct kind_past *past) {
    c->lines += (uint64_t)sqlite3_column_int64(st, 4);
    c->first = column_u32(st, 5);
    if (c->last < column_u32(st, 6)) c->last = column_u32(st, 6);
    c->flags = (uint8_t)(c->flags | KIND_FLAG_STORED |
                         (column_u32(st, 15) & (KIND_FLAG_BY_RULE | KIND_FLAG_REDACTED | KIND_FLAG_KEPT)));
    uint32_t state = column_u32(st, 13);
    c->state = state < KIND_STATES ? (uint8_t)state : KIND_KNOWN;
    c->state_at = column_u32(st, 14);
    if (!c->label) c->label = column_label(k, st, 7), c->stage = (uint8_t)(column_u32(st, 8) % DECIDER_COUNT);
    if (!c->best) {
        c->best = column_label(k, st, 9), c->second = column_label(k, st, 10);
        c->p1 = (uint16_t)column_u32(st, 11), c->p2 = (uint16_t)column_u32(st, 12);
    }
    size_t n = (size_t)sqlite3_column_bytes(st, 18); /* files of earlier versions have less of it */
    if (n >= PAST_BYTES_MIN && n <= sizeof *past) memcpy(past, sqlite3_column_blob(st, 18), n);
}

static void load_row(struct kinds *k, sqlite3_stmt *st) {
    char text[KINDS_TEXT_MAX + MASK_OUTPUT_MAX];
    size_t message_at, n = row_text(st, text, &message_at);
    uint64_t id = (uint64_t)sqlite3_column_int64(st, 0);
    if (column_u32(st, 3) != MASK_VERSION) id = kinds_id_of((struct span){text, n});
    struct kinds_shard *sh = &k->shard[id % KINDS_SHARDS];
    if (n == 0 || n >= KINDS_TEXT_MAX) return;
    pthread_mutex_lock(&sh->lock);
    uint32_t slot = kinds_slot_of(sh, id);
    bool enters = slot == KIND_NONE && sh->n < sh->max;
    if (enters) slot = kinds_enter(k, sh, id, (struct span){text, n});
    if (slot != KIND_NONE) {
        struct kind *c = &sh->kind[slot];
        uint32_t hour = column_u32(st, 16), ours = c->this_hour, now_hour = atomic_load(&k->hour);
        kind_set_message(sh, slot, message_at);
        if (enters) c->flags = (uint8_t)(c->flags & ~KIND_FLAG_PROBATION);
        fill_row(k, st, c, &sh->past[slot]);
        c->this_hour = column_u32(st, 17);
        kind_roll(c, &sh->past[slot], hour < now_hour ? hour : now_hour, now_hour);
        c->this_hour += ours;
    }
    pthread_mutex_unlock(&sh->lock);
}

/* Calls `row` for each row that sql gives. */
static bool kinds_rows(struct kinds_store *s, const char *sql, void (*row)(struct book *b, sqlite3_stmt *st),
                       struct book *b, struct err *e) {
    sqlite3_stmt *st = NULL;
    if (sqlite3_prepare_v2(s->db, sql, -1, &st, NULL) != SQLITE_OK) return kinds_error(s, e);
    int rc;
    while ((rc = sqlite3_step(st)) == SQLITE_ROW) row(b, st);
    sqlite3_finalize(st);
    return rc == SQLITE_DONE || kinds_error(s, e);
}

static void load_total(struct book *b, sqlite3_stmt *st) {
    unsigned label = column_label(b->kinds, st, 1);
    totals_restore(b->totals, column_u32(st, 0), label < LABEL_MAX ? label : 0, column_u32(st, 2) % DECIDER_COUNT,
                   column_u32(st, 3));
}

static void load_ruled(struct book *b, sqlite3_stmt *st) {
    int64_t lines = sqlite3_column_int64(st, 1);
    ruled_restore(b->ruled, (uint64_t)sqlite3_column_int64(st, 0), lines > 0 ? (uint64_t)lines : 0, column_u32(st, 2));
}

static void load_ruled_hour(struct book *b, sqlite3_stmt *st) {
    ruled_restore_hour(b->ruled, (uint64_t)sqlite3_column_int64(st, 1), column_u32(st, 0), column_u32(st, 2));
}

static void load_mark(struct book *b, sqlite3_stmt *st) {
    const char *text = (const char *)sqlite3_column_text(st, 1);
    if (text) marks_restore(b->marks, column_u32(st, 0), (struct span){text, (size_t)sqlite3_column_bytes(st, 1)});
}

static void load_told(struct book *b, sqlite3_stmt *st) {
    struct told_row r = {(uint64_t)sqlite3_column_int64(st, 0), (uint64_t)sqlite3_column_int64(st, 1),
                         column_u32(st, 2)};
    told_restore(&b->told, &r);
}

static bool load_others(struct kinds_store *s, struct book *b, struct err *e) {
    static const char OLD_ROWS[] =
        "DELETE FROM ruled_hours WHERE hour <= (SELECT max(hour) FROM ruled_hours) - 24;"
        "DELETE FROM ruled WHERE rule NOT IN (SELECT rule FROM ruled ORDER BY last DESC LIMIT 16384);"
        "DELETE FROM told WHERE run NOT IN (SELECT run FROM told ORDER BY at DESC LIMIT 256);"
        "DELETE FROM marks WHERE id NOT IN (SELECT id FROM marks ORDER BY at DESC LIMIT 256)";
    bool ok = kinds_exec(s, OLD_ROWS, e) && kinds_rows(s, "SELECT run, seq, at FROM told", load_told, b, e);
    if (ok && b->totals)
        ok = kinds_rows(s, "SELECT hour, label, stage, lines FROM totals ORDER BY hour", load_total, b, e);
    if (ok && b->ruled)
        ok = kinds_rows(s, "SELECT rule, lines, last FROM ruled ORDER BY last DESC", load_ruled, b, e) &&
             kinds_rows(s, "SELECT hour, rule, lines FROM ruled_hours ORDER BY hour", load_ruled_hour, b, e);
    return ok && (!b->marks || kinds_rows(s, "SELECT at, text FROM marks ORDER BY at, id", load_mark, b, e));
}

static bool kinds_load_block(struct kinds_store *s, struct kinds *k, struct err *e) {
    sqlite3_stmt *st = NULL;
    if (sqlite3_prepare_v2(s->db, "SELECT value FROM blocks WHERE name = 'seen'", -1, &st, NULL) != SQLITE_OK)
        return kinds_error(s, e);
    if (sqlite3_step(st) == SQLITE_ROW) {
        struct span block = {sqlite3_column_blob(st, 0), (size_t)sqlite3_column_bytes(st, 0)};
        kinds_bloom_restore(&k->bloom, block);
    }
    sqlite3_finalize(st);
    return true;
}

static void load_kind(struct book *b, sqlite3_stmt *st) {
    load_row(b->kinds, st);
}

/* Deletes what there is no room for. To find that out among a million takes seconds, so they are counted first. */
static bool prune_kinds(struct kinds_store *s, const struct kinds *k, struct err *e) {
    char prune[160];
    int64_t n = 0;
    if (!kinds_number(s, "SELECT count(*) FROM kinds", &n, e)) return false;
    if (n <= (int64_t)k->o.max) return true;
    snprintf(prune, sizeof prune,
             "DELETE FROM kinds WHERE id NOT IN (SELECT id FROM kinds ORDER BY flags & %d DESC, last DESC LIMIT %zu)",
             KIND_FLAG_KEPT, k->o.max);
    return kinds_exec(s, prune, e);
}

bool kinds_store_load(struct kinds_store *s, struct book *b, struct err *e) {
    return kinds_load_block(s, b->kinds, e) && load_others(s, b, e) && prune_kinds(s, b->kinds, e) &&
           kinds_rows(s, "SELECT * FROM kinds", load_kind, b, e);
}
