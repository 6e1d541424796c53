#include "rules/page_rules.h"

#include "base/file.h"
#include "rules/rules_file.h"
#include "text/ini.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>
#include <xxhash.h>

/* ---- the text ---- */

static bool same_text(const char *kept, struct span written) {
    return span_eq(kept ? span_of(kept) : (struct span){0}, written);
}

/* Is what was written read as it was meant? */
static bool reads_back(struct span block, const struct rule_draft *d, const struct label_set *labels, struct err *e) {
    struct rules_list list = {0};
    bool ok = rules_file_parse(block, "rule", labels, &list, e);
    const struct rule *r = list.rule;
    if (ok && !(list.n == 1 && same_text(r->name, d->name) && same_text(r->pattern, d->pattern) &&
                same_text(r->source, d->source)))
        ok = err_set(
            e, ERR_RULE,
            "a name, pattern or source can't hold a line break, nor begin or end with a blank; \\s stands for one");
    rules_file_release(&list);
    return ok;
}

static void put_rule_block(const struct rule_draft *d, struct buf *out) {
    buf_printf(out, "[rule %.*s]\nlabel = %.*s\nconfidence = %.4f\npattern = %.*s\n", (int)d->name.n, d->name.p,
               (int)d->label.n, d->label.p, d->confidence, (int)d->pattern.n, d->pattern.p);
    if (d->source.n > 0) buf_printf(out, "source = %.*s\n", (int)d->source.n, d->source.p);
    buf_putc(out, '\n');
}

static size_t line_start(struct span text, const char *at) {
    size_t i = (size_t)(at - text.p);
    while (i > 0 && text.p[i - 1] != '\n') i--;
    return i;
}

/* Where the block of this name stands in the text. */
static bool find_block(struct span text, struct span name, size_t *from, size_t *to) {
    struct ini i = ini_open(text);
    struct err ignored;
    bool found = false;
    *to = text.n;
    for (enum ini_item item; (item = ini_next(&i, &ignored)) != INI_END;) {
        if (item != INI_SECTION) continue;
        *to = line_start(text, i.kind.p);
        if (found) return true;
        found = span_eq(i.name, name);
        *from = *to;
    }
    *to = text.n;
    return found;
}

static void put_part(struct buf *out, struct span text, size_t from, size_t to) {
    struct span part = span_sub(text, from, to);
    if (part.n > 0) buf_put(out, part.p, part.n);
}

static struct span replaced_by(const struct rule_draft *d) {
    return d->replaces.n > 0 ? d->replaces : d->name;
}

unsigned page_rules_before(struct span text, const struct rule_draft *d) {
    struct ini i = ini_open(text);
    struct err ignored;
    unsigned n = 0;
    for (enum ini_item item; (item = ini_next(&i, &ignored)) != INI_END;) {
        if (item != INI_SECTION) continue;
        if (span_eq(i.name, replaced_by(d))) return n;
        n++;
    }
    return 0;
}

bool page_rules_with(struct span text, const struct rule_draft *d, const struct label_set *labels, struct buf *out,
                     struct err *e) {
    struct buf block;
    size_t from = 0, to = 0;
    if (!(d->confidence >= 0 && d->confidence <= 1))
        return err_set(e, ERR_RULE, "the confidence is not a number from 0 to 1");
    buf_init(&block, PAGE_RULES_BYTES_MAX);
    put_rule_block(d, &block);
    bool ok = !block.failed && reads_back(buf_span(&block), d, labels, e);
    if (ok && !find_block(text, replaced_by(d), &from, &to)) from = to = 0;
    if (ok) {
        put_part(out, text, 0, from);
        put_part(out, buf_span(&block), 0, block.n);
        put_part(out, text, to, text.n);
    }
    if (block.failed || (ok && out->failed))
        ok = err_set(e, ERR_LIMIT, "the rules of the page are at most %d bytes", PAGE_RULES_BYTES_MAX);
    buf_release(&block);
    return ok;
}

bool page_rules_without(struct span text, struct span name, struct buf *out, struct err *e) {
    size_t from = 0, to = 0;
    if (!find_block(text, name, &from, &to))
        return err_set(e, ERR_RULE, "no rule of the page is called '%.*s'",
                       (int)(name.n < RULES_NAME_MAX ? name.n : RULES_NAME_MAX), name.p);
    put_part(out, text, 0, from);
    put_part(out, text, to, text.n);
    return !out->failed || err_set(e, ERR_MEMORY, "no memory for the rules");
}

/* ---- the file ---- */

bool page_rules_read(const char *path, struct span *text, uint64_t *revision, struct err *e) {
    *text = (struct span){0};
    if (access(path, F_OK) == 0 && !file_read(path, PAGE_RULES_BYTES_MAX, text, e)) return false;
    *revision = XXH3_64bits(text->p, text->n);
    return true;
}

static bool version_path(const char *path, unsigned n, char out[PATH_MAX]) {
    return snprintf(out, PATH_MAX, "%s.%u", path, n) < PATH_MAX;
}

/* Version 1 is the newest. */
unsigned page_rules_versions(const char *path) {
    char file[PATH_MAX];
    unsigned n = 0;
    while (n < PAGE_RULES_VERSIONS_MAX && version_path(path, n + 1, file) && access(file, F_OK) == 0) n++;
    return n;
}

static bool page_rules_rename(const char *from, const char *to, struct err *e) {
    return rename(from, to) == 0 || err_set(e, ERR_IO, "%s: %s", from, strerror(errno));
}

/* Makes room for a newest version; the oldest goes. */
static bool shift_versions(const char *path, struct err *e) {
    char from[PATH_MAX], to[PATH_MAX];
    unsigned n = page_rules_versions(path);
    for (unsigned i = n < PAGE_RULES_VERSIONS_MAX ? n : n - 1; i > 0; i--)
        if (!version_path(path, i, from) || !version_path(path, i + 1, to) || !page_rules_rename(from, to, e))
            return false;
    return true;
}

/* The lock of the file, which other processes hold while they change it; -1: e says why. */
static int page_rules_lock(const char *path, struct err *e) {
    char lock[PATH_MAX];
    int n = snprintf(lock, sizeof lock, "%s.lock", path);
    int fd = n < (int)sizeof lock ? open(lock, O_CREAT | O_RDWR | O_CLOEXEC, 0600) : -1;
    if (fd >= 0 && flock(fd, LOCK_EX) == 0) return fd;
    err_set(e, ERR_IO, "%s: %s", lock, strerror(errno));
    if (fd >= 0) close(fd);
    return -1;
}

/* The file's text, if it still has this revision. */
static bool page_rules_expect(const char *path, uint64_t revision, struct span *text, struct err *e) {
    uint64_t now;
    if (!page_rules_read(path, text, &now, e)) return false;
    return now == revision ||
           err_set(e, ERR_BUSY, "the rules of the page were changed by somebody else meanwhile; look at them again");
}

bool page_rules_save(const char *path, struct span text, uint64_t revision, struct err *e) {
    char newest[PATH_MAX];
    struct span old = {0};
    int lock = page_rules_lock(path, e);
    if (lock < 0) return false;
    bool ok = page_rules_expect(path, revision, &old, e) && shift_versions(path, e) && version_path(path, 1, newest) &&
              file_write(newest, old, e) && file_write(path, text, e);
    file_free(&old);
    close(lock);
    return ok;
}

/* The file becomes version 1, and each version the one before it. */
static bool take_newest(const char *path, struct err *e) {
    char from[PATH_MAX], to[PATH_MAX];
    unsigned n = page_rules_versions(path);
    if (n == 0) return err_set(e, ERR_IO, "there is no earlier version of the page's rules");
    if (!version_path(path, 1, from) || !page_rules_rename(from, path, e)) return false;
    for (unsigned i = 2; i <= n; i++)
        if (!version_path(path, i, from) || !version_path(path, i - 1, to) || !page_rules_rename(from, to, e))
            return false;
    return true;
}

bool page_rules_undo(const char *path, uint64_t revision, struct err *e) {
    struct span old = {0};
    int lock = page_rules_lock(path, e);
    if (lock < 0) return false;
    bool ok = page_rules_expect(path, revision, &old, e) && take_newest(path, e);
    file_free(&old);
    close(lock);
    return ok;
}
