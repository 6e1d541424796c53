#include "review/log_lines.h"

#include "base/must.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OWN_MAX = 1 << 22 };

static const char BEGINNING[] = "{\"id\":", FOLLOWS[] = ",\"follows\":\"";

uint32_t log_lines_id(struct span line) {
    uint64_t id = 0;
    if (!span_starts(line, span_of(BEGINNING))) return 0;
    for (size_t i = sizeof BEGINNING - 1; i < line.n && line.p[i] >= '0' && line.p[i] <= '9' && id <= UINT32_MAX; i++)
        id = 10 * id + (uint64_t)(line.p[i] - '0');
    return id <= UINT32_MAX ? (uint32_t)id : 0;
}

bool log_lines_has(struct span line, const char *member) {
    return line.n > 0 && memmem(line.p, line.n, member, strlen(member)) != NULL;
}

uint64_t log_lines_follows(struct span text) {
    enum { DIGITS = 16 };
    char hex[DIGITS + 1] = "";
    const char *at = text.n ? memmem(text.p, text.n, FOLLOWS, sizeof FOLLOWS - 1) : NULL;
    if (!at || (size_t)(text.p + text.n - at) < sizeof FOLLOWS + DIGITS) return 0;
    memcpy(hex, at + sizeof FOLLOWS - 1, DIGITS);
    return strtoull(hex, NULL, 16);
}

bool log_lines_origin(const char *text, uint64_t *log, uint32_t *id) {
    char *end;
    *log = strtoull(text, &end, 16);
    if (*end != ':' || *log == 0) return false;
    uint64_t n = strtoull(end + 1, &end, 10);
    *id = (uint32_t)n;
    return *end == '\0' && n >= LOG_OWN_FROM && n <= UINT32_MAX;
}

static void settle(struct log_settled *s, uint64_t id) {
    if (id < LOG_OWN_FROM || id - LOG_OWN_FROM >= OWN_MAX) return;
    size_t at = (size_t)(id - LOG_OWN_FROM);
    if (at >= s->n) {
        size_t n = 2 * at + 64;
        s->own = realloc(s->own, n);
        MUST(s->own != NULL);
        memset(s->own + s->n, 0, n - s->n);
        s->n = n;
    }
    s->own[at] = 1;
}

void log_settled_find(struct log_settled *s, struct span text, uint64_t log) {
    char mark[48];
    size_t n = (size_t)snprintf(mark, sizeof mark, ",\"origin\":\"%016" PRIx64 ":", log);
    *s = (struct log_settled){0};
    for (const char *at; text.n > 0 && (at = memmem(text.p, text.n, mark, n)) != NULL;) {
        text = span_sub(text, (size_t)(at - text.p) + n, text.n);
        uint64_t id = 0;
        for (size_t i = 0; i < text.n && i < 10 && text.p[i] >= '0' && text.p[i] <= '9'; i++)
            id = 10 * id + (uint64_t)(text.p[i] - '0');
        settle(s, id);
    }
}

void log_settled_release(struct log_settled *s) {
    free(s->own);
    *s = (struct log_settled){0};
}

bool log_settled_has(const struct log_settled *s, uint32_t id) {
    return id >= LOG_OWN_FROM && id - LOG_OWN_FROM < s->n && s->own[id - LOG_OWN_FROM];
}
