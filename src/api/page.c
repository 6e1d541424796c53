#include "api/page.h"

#include "api/context.h"
#include "api/handlers.h"
#include "http/response.h"

#include <stdio.h>
#include <xxhash.h>

/* Where page_files.S puts the bytes. */
#define ASSET(id, file, type)                                            \
    extern const char page_##id[] __attribute__((visibility("hidden"))), \
        page_##id##_end[] __attribute__((visibility("hidden"))),         \
        page_##id##_gz[] __attribute__((visibility("hidden"))),          \
        page_##id##_gz_end[] __attribute__((visibility("hidden")));
#include "api/asset.def"
#undef ASSET

static const struct page_row {
    const char *name, *type, *plain, *plain_end, *gzip, *gzip_end;
} PAGE_ROWS[] = {
#define ASSET(id, file, type) {#file, type, page_##id, page_##id##_end, page_##id##_gz, page_##id##_gz_end},
#include "api/asset.def"
#undef ASSET
};

bool page_find(struct span name, struct page_file *to) {
    if (name.n == 0) name = SPAN_LIT("index.html");
    for (size_t i = 0; i < sizeof PAGE_ROWS / sizeof PAGE_ROWS[0]; i++) {
        const struct page_row *r = &PAGE_ROWS[i];
        if (!span_eq(name, span_of(r->name))) continue;
        *to = (struct page_file){r->name,
                                 r->type,
                                 {r->plain, (size_t)(r->plain_end - r->plain)},
                                 {r->gzip, (size_t)(r->gzip_end - r->gzip)}};
        return true;
    }
    return false;
}

/* Browsers keep the page's files and ask each time whether they still hold: a new binary is seen at once. */
enum step api_page(struct exchange *x) {
    struct page_file f;
    if (!page_find(span_sub(x->req.path, sizeof "/ui/" - 1, x->req.path.n), &f)) {
        exchange_refuse(x, REFUSE_ROUTE, "the page has no such file");
        return STEP_SEND;
    }
    struct span body = x->req.takes_gzip ? f.gzip : f.plain;
    snprintf(x->tag, sizeof x->tag, "\"%016llx%s\"", (unsigned long long)XXH3_64bits(f.plain.p, f.plain.n),
             x->req.takes_gzip ? "-gz" : "");
    if (strcmp(x->req.none_match, x->tag) == 0) return response_send(x, 304, f.type);
    if (x->req.takes_gzip) x->encoding = "gzip";
    buf_put(&x->out, body.p, body.n);
    return response_send(x, 200, f.type);
}

enum step api_page_alias(struct exchange *x) {
    x->location = "/ui/";
    return response_send(x, 302, RESPONSE_TEXT);
}
