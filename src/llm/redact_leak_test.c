/* How much of random secrets of many kinds passes masking and redaction, in lines as programs write them. A secret
 * leaks when eight characters of it in a row are left, or six that are two fifths of it; its public prefix does not
 * count. */
#include "llm/redact.h"

#include "base/check.h"
#include "base/rng.h"
#include "text/mask.h"

#include <ctype.h>

enum { LINES_EACH = CHECK_SANITIZED ? 40 : 400, SECRET_MAX = 400, LINE_MAX_BYTES = 1500, LINES_OF_KIND = 6 };

/* secret: literal characters are public; [set]{m,n} is m to n random characters of the set (a-z ranges, A-Z, 0-9 and
 * single ones); (a|b) is one of several. line: %s is the secret. */
static const struct leak_kind {
    const char *name, *secret;
    const char *line[LINES_OF_KIND];
} KINDS[] = {
#define LEAK(name, secret, ...) {name, secret, {__VA_ARGS__}},
#include "llm/redact_leak.def"
#undef LEAK
};
enum { KIND_COUNT = sizeof KINDS / sizeof KINDS[0] };

/* ---- secrets ---- */

struct secret {
    char text[SECRET_MAX];
    bool random[SECRET_MAX]; /* by character: not public */
    size_t n;
};

static void secret_put(struct secret *s, char c, bool random) {
    if (s->n + 1 < SECRET_MAX) s->text[s->n] = c, s->random[s->n] = random, s->n++;
    s->text[s->n] = '\0';
}

/* The characters of a set "a-zA-Z0-9_". */
static size_t read_set(const char *p, const char *end, char out[256]) {
    size_t n = 0;
    for (; p < end; p++) {
        char last = p + 2 < end && p[1] == '-' ? p[2] : *p;
        for (int c = *p; c <= last; c++) out[n++] = (char)c;
        if (last != *p || (p + 2 < end && p[1] == '-')) p += 2;
    }
    return n;
}

static const char *secret_set(struct secret *s, const char *p, struct rng *r) {
    char set[256];
    const char *end = strchr(p, ']');
    uint32_t n = (uint32_t)read_set(p + 1, end, set);
    unsigned from = 1, to = 1;
    p = end + 1;
    if (*p == '{') {
        from = (unsigned)strtoul(p + 1, (char **)(uintptr_t)&p, 10);
        to = from;
        if (*p == ',') to = (unsigned)strtoul(p + 1, (char **)(uintptr_t)&p, 10);
        p++;
    }
    for (unsigned k = from + (unsigned)rng_below(r, to - from + 1); k > 0; k--)
        secret_put(s, set[rng_below(r, n)], true);
    return p;
}

static struct secret secret_of(const char *pattern, struct rng *r) {
    struct secret s = {.n = 0};
    for (const char *p = pattern; *p;) {
        if (*p == '[')
            p = secret_set(&s, p, r);
        else
            secret_put(&s, *p++, false);
    }
    return s;
}

/* ---- what is left of them ---- */

static bool stands_in(const char *text, const char *part, size_t n) {
    size_t len = strlen(text);
    for (size_t i = 0; i + n <= len; i++)
        if (memcmp(text + i, part, n) == 0) return true;
    return false;
}

/* Are n characters from i on left, six of which at least are not public? */
static bool part_leaks(const struct secret *s, size_t i, size_t n, const char *text) {
    size_t random = 0;
    if (i + n > s->n) return false;
    for (size_t k = i; k < i + n; k++) random += s->random[k];
    return random >= 6 && stands_in(text, s->text + i, n);
}

static bool secret_leaks(const struct secret *s, const char *text) {
    size_t random = 0;
    for (size_t i = 0; i < s->n; i++) random += s->random[i];
    if (random <= 6) return stands_in(text, s->text, s->n);
    for (size_t i = 0; i < s->n; i++)
        if (part_leaks(s, i, 8, text) || (6 * 5 >= random * 2 && part_leaks(s, i, 6, text))) return true;
    return false;
}

static void redact_line(const struct redact *r, const char *line, struct buf *out) {
    char masked[MASK_OUTPUT_MAX];
    size_t n = mask_line(span_of(line), masked);
    buf_reset(out);
    redact_run(r, (struct span){masked, n}, out);
    buf_putc(out, '\0');
}

static unsigned leaks_of(const struct redact *r, const struct leak_kind *kind, struct buf *out) {
    struct rng rng = {(uint64_t)(kind - KINDS) + 1};
    unsigned leaks = 0, lines = 0;
    while (lines < LINES_OF_KIND && kind->line[lines]) lines++;
    for (unsigned i = 0; i < LINES_EACH; i++) {
        char line[LINE_MAX_BYTES];
        struct secret s = secret_of(kind->secret, &rng);
        const char *form = kind->line[rng_below(&rng, lines)], *at = strstr(form, "%s");
        snprintf(line, sizeof line, "%.*s%s%s", (int)(at - form), form, s.text, at + 2);
        redact_line(r, line, out);
        if (!secret_leaks(&s, out->p)) continue;
        if (leaks++ < 2 && getenv("LEAKS")) fprintf(stderr, "  %s\n  -> %s\n", line, out->p);
    }
    return leaks;
}

/* At most 1 in 100 of each kind, and 2 in 1,000 of all. LEAKS=1 shows the rates and examples. */
static void secrets_do_not_leak(void) {
    struct err e = {0};
    struct redact *r = redact_open("", &e);
    struct buf out;
    unsigned all = 0;
    buf_init(&out, 1 << 20);
    for (size_t i = 0; i < KIND_COUNT; i++) {
        unsigned leaks = leaks_of(r, &KINDS[i], &out);
        all += leaks;
        if (leaks * 100 > LINES_EACH || getenv("LEAKS"))
            fprintf(stderr, "%-32s %5.1f %%\n", KINDS[i].name, 100.0 * leaks / LINES_EACH);
        CHECK(leaks * 100 <= LINES_EACH);
    }
    CHECK(KIND_COUNT >= 65);
    CHECK(all * 500u <= KIND_COUNT * LINES_EACH);
    if (getenv("LEAKS"))
        fprintf(stderr, "%zu kinds: %.2f %%\n", KIND_COUNT + (size_t)0, 100.0 * all / (KIND_COUNT * LINES_EACH));
    buf_release(&out);
    redact_close(r);
}

CHECK_MAIN(CHECK_TEST(secrets_do_not_leak))
