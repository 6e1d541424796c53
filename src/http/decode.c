#include "http/decode.h"

#include "base/must.h"

#include <strings.h>
#include <zlib.h>
#include <zstd.h>

enum {
    STEP_BYTES = 32 * 1024,     /* room offered to the decoder at a time */
    GZIP_WINDOW_BITS = 15 + 16, /* zlib.h, inflateInit2: largest window, gzip wrapper only */
    ZSTD_WINDOW_LOG = 23,       /* 8 MiB: what RFC 8878, 3.1.1.1.2 asks every decoder to support */
};

struct decode {
    enum decode_kind kind;
    z_stream gzip;
    ZSTD_DStream *zstd;
    bool inside; /* a member or frame is begun */
};

enum decode_kind decode_kind_of(struct span value) {
    static const struct {
        const char *name;
        enum decode_kind kind;
    } NAMES[] = {{"", DECODE_IDENTITY},
                 {"identity", DECODE_IDENTITY},
                 {"gzip", DECODE_GZIP},
                 {"x-gzip", DECODE_GZIP},
                 {"zstd", DECODE_ZSTD}};
    value = span_trim(value);
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++)
        if (value.n == strlen(NAMES[i].name) && strncasecmp(value.p, NAMES[i].name, value.n) == 0) return NAMES[i].kind;
    return DECODE_UNKNOWN;
}

struct decode *decode_open(enum decode_kind kind) {
    MUST(kind < DECODE_UNKNOWN);
    struct decode *d = calloc(1, sizeof *d);
    if (!d) return NULL;
    d->kind = kind;
    if (kind == DECODE_GZIP && inflateInit2(&d->gzip, GZIP_WINDOW_BITS) != Z_OK) d->kind = DECODE_UNKNOWN;
    if (kind == DECODE_ZSTD) {
        d->zstd = ZSTD_createDStream();
        if (!d->zstd || ZSTD_isError(ZSTD_DCtx_setParameter(d->zstd, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG)))
            d->kind = DECODE_UNKNOWN;
    }
    if (d->kind != DECODE_UNKNOWN) return d;
    decode_close(d);
    return NULL;
}

void decode_close(struct decode *d) {
    if (!d) return;
    if (d->kind == DECODE_GZIP) inflateEnd(&d->gzip);
    ZSTD_freeDStream(d->zstd);
    free(d);
}

/* Each of these moves *in and *out on by what it used; false: the data is damaged. */

static bool step_identity(struct decode *d, struct span *in, struct span *out, char *to, struct err *e) {
    (void)d, (void)e;
    size_t n = in->n < out->n ? in->n : out->n;
    memcpy(to, in->p, n);
    *in = span_sub(*in, n, in->n);
    *out = span_sub(*out, n, out->n);
    return true;
}

static bool step_gzip(struct decode *d, struct span *in, struct span *out, char *to, struct err *e) {
    union {
        const char *read_only;
        unsigned char *p; /* zlib's signature; it only reads */
    } from = {.read_only = in->p};
    if (!d->inside && inflateReset(&d->gzip) != Z_OK) return err_set(e, ERR_MEMORY, "the gzip decoder can not start");
    d->inside = true;
    d->gzip.next_in = from.p;
    d->gzip.avail_in = (uInt)in->n;
    d->gzip.next_out = (unsigned char *)to;
    d->gzip.avail_out = (uInt)out->n;
    int rc = inflate(&d->gzip, Z_NO_FLUSH);
    *in = span_sub(*in, in->n - d->gzip.avail_in, in->n);
    *out = span_sub(*out, out->n - d->gzip.avail_out, out->n);
    if (rc == Z_STREAM_END) d->inside = false;
    if (rc == Z_OK || rc == Z_STREAM_END || rc == Z_BUF_ERROR) return true;
    return err_set(e, ERR_INPUT, "the gzip data is damaged: %s", d->gzip.msg ? d->gzip.msg : "no reason known");
}

static bool step_zstd(struct decode *d, struct span *in, struct span *out, char *to, struct err *e) {
    ZSTD_inBuffer from = {in->p, in->n, 0};
    ZSTD_outBuffer into = {to, out->n, 0};
    size_t rc = ZSTD_decompressStream(d->zstd, &into, &from);
    if (ZSTD_isError(rc)) return err_set(e, ERR_INPUT, "the zstd data is damaged: %s", ZSTD_getErrorName(rc));
    d->inside = rc != 0;
    *in = span_sub(*in, from.pos, in->n);
    *out = span_sub(*out, into.pos, out->n);
    return true;
}

static bool (*const STEP[])(struct decode *, struct span *, struct span *, char *, struct err *) = {
    [DECODE_IDENTITY] = step_identity,
    [DECODE_GZIP] = step_gzip,
    [DECODE_ZSTD] = step_zstd,
};

bool decode_some(struct decode *d, struct span *in, struct buf *out, size_t bytes_max, struct err *e) {
    for (size_t added = 0; added < bytes_max;) {
        size_t room = bytes_max - added < STEP_BYTES ? bytes_max - added : STEP_BYTES, had = in->n;
        char *to = buf_reserve(out, room);
        if (!to) return err_set(e, ERR_MEMORY, "no memory for the decoded body");
        struct span left = {to, room};
        if (in->n == 0 && !d->inside) return true;
        if (!STEP[d->kind](d, in, &left, to, e)) return false;
        size_t n = room - left.n;
        out->n += n;
        added += n;
        if (n == 0 && in->n == had) return true; /* the decoder wants more input */
    }
    return true;
}

bool decode_is_whole(const struct decode *d) {
    return !d->inside;
}
