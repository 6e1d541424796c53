#include "base/inflate.h"

#include "base/must.h"
#include "base/unconst.h"

#include <bzlib.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

enum {
    STEP_BYTES = 32 * 1024,       /* room that inflate_append reserves at a time */
    GZIP_INPUT_MAX = 1 << 30,     /* zlib counts in 32 bits */
    GZIP_STATE_BYTES = 40 * 1024, /* zconf.h: a window of 32 KiB and some 7 KiB */
    XZ_MEMORY_MAX = 512 << 20,    /* what a file may make the decoder take; xz -9 needs 65 MiB */
    GZIP_WINDOW_BITS = 15 + 16,   /* zlib.h, inflateInit2: largest window, gzip wrapper only */
};

struct inflate {
    enum inflate_format format;
    z_stream gzip;
    ZSTD_DStream *zstd;
    lzma_stream xz;
    bz_stream bzip2;
    bool open;   /* bzip2: the library holds memory for this stream */
    bool inside; /* a member or frame has begun and not ended */
};

static const struct {
    enum inflate_format format;
    struct span bytes;
} MAGIC[] = {
    {INFLATE_GZIP, {"\x1f\x8b", 2}},
    {INFLATE_ZSTD, {"\x28\xb5\x2f\xfd", 4}},
    {INFLATE_XZ,
     {"\xfd"
      "7zXZ\0",
      6}},
#define BZIP2(level) /* with the first block's mark: a line of text may begin with BZh9 */ \
    {INFLATE_BZIP2, {"BZh" level "1AY&SY", 10}}, {                                         \
        INFLATE_BZIP2, {                                                                   \
            "BZh" level "\x17\x72\x45\x38\x50\x90", 10                                     \
        }                                                                                  \
    }
    BZIP2("1"),
    BZIP2("2"),
    BZIP2("3"),
    BZIP2("4"),
    BZIP2("5"),
    BZIP2("6"),
    BZIP2("7"),
    BZIP2("8"),
    BZIP2("9"),
#undef BZIP2
};
enum { MAGICS = sizeof MAGIC / sizeof MAGIC[0] };

enum inflate_format inflate_detect(struct span first_bytes) {
    for (size_t i = 0; i < MAGICS; i++)
        if (span_starts(first_bytes, MAGIC[i].bytes)) return MAGIC[i].format;
    return INFLATE_PLAIN;
}

bool inflate_may_begin(struct span first_bytes) {
    for (size_t i = 0; i < MAGICS; i++)
        if (span_starts(MAGIC[i].bytes, first_bytes)) return true;
    return false;
}

static bool open_zstd(struct inflate *d, unsigned window_log_max) {
    d->zstd = ZSTD_createDStream();
    if (!d->zstd) return false;
    size_t rc = ZSTD_DCtx_setParameter(d->zstd, ZSTD_d_windowLogMax, (int)window_log_max);
    MUST(!ZSTD_isError(rc));
    return true;
}

struct inflate *inflate_open(enum inflate_format format, unsigned zstd_window_log_max) {
    MUST(format < INFLATE_FORMATS);
    struct inflate *d = calloc(1, sizeof *d);
    if (!d) return NULL;
    bool ok = (format != INFLATE_GZIP || inflateInit2(&d->gzip, GZIP_WINDOW_BITS) == Z_OK) &&
              (format != INFLATE_ZSTD || open_zstd(d, zstd_window_log_max));
    if (ok) {
        d->format = format;
        return d;
    }
    free(d);
    return NULL;
}

size_t inflate_memory(const struct inflate *d) {
    size_t gzip = d->format == INFLATE_GZIP ? GZIP_STATE_BYTES : 0;
    return sizeof *d + gzip + (d->zstd ? ZSTD_sizeof_DStream(d->zstd) : 0);
}

void inflate_close(struct inflate *d) {
    if (!d) return;
    if (d->format == INFLATE_GZIP) inflateEnd(&d->gzip);
    if (d->format == INFLATE_XZ) lzma_end(&d->xz);
    if (d->open) BZ2_bzDecompressEnd(&d->bzip2);
    ZSTD_freeDStream(d->zstd);
    free(d);
}

/* ---- one step of each format: moves *in on by what it used, and returns how much it wrote ---- */

static bool copy_plain(struct inflate *d, struct span *in, char *to, size_t room, size_t *wrote, struct err *e) {
    (void)d, (void)e;
    *wrote = in->n < room ? in->n : room;
    memcpy(to, in->p, *wrote);
    *in = span_sub(*in, *wrote, in->n);
    return true;
}

static bool step_gzip(struct inflate *d, struct span *in, char *to, size_t room, size_t *wrote, struct err *e) {
    size_t n = in->n < GZIP_INPUT_MAX ? in->n : GZIP_INPUT_MAX;
    if (!d->inside) MUST(inflateReset(&d->gzip) == Z_OK); /* the next member */
    d->inside = true;
    d->gzip.next_in = unconst(in->p); /* zlib's signature lacks a const; it only reads */
    d->gzip.avail_in = (uInt)n;
    d->gzip.next_out = (unsigned char *)to;
    d->gzip.avail_out = (uInt)room;
    int rc = inflate(&d->gzip, Z_NO_FLUSH);
    *wrote = room - d->gzip.avail_out;
    *in = span_sub(*in, n - d->gzip.avail_in, in->n);
    if (rc == Z_STREAM_END) d->inside = false;
    if (rc == Z_OK || rc == Z_STREAM_END || rc == Z_BUF_ERROR) return true;
    return err_set(e, ERR_INPUT, "the gzip data is damaged: %s", d->gzip.msg ? d->gzip.msg : "not a gzip member");
}

static bool step_zstd(struct inflate *d, struct span *in, char *to, size_t room, size_t *wrote, struct err *e) {
    ZSTD_inBuffer from = {in->p, in->n, 0};
    ZSTD_outBuffer into = {to, room, 0};
    size_t rc = ZSTD_decompressStream(d->zstd, &into, &from);
    *wrote = into.pos;
    *in = span_sub(*in, from.pos, in->n);
    if (ZSTD_isError(rc)) return err_set(e, ERR_INPUT, "the zstd data is damaged: %s", ZSTD_getErrorName(rc));
    d->inside = rc != 0; /* 0: the frame is decoded and written out to its end */
    return true;
}

static bool step_xz(struct inflate *d, struct span *in, char *to, size_t room, size_t *wrote, struct err *e) {
    if (!d->inside && lzma_stream_decoder(&d->xz, XZ_MEMORY_MAX, 0) != LZMA_OK)
        return err_set(e, ERR_MEMORY, "no memory to decode xz");
    d->inside = true;
    d->xz.next_in = (const uint8_t *)in->p;
    d->xz.avail_in = in->n;
    d->xz.next_out = (uint8_t *)to;
    d->xz.avail_out = room;
    lzma_ret rc = lzma_code(&d->xz, LZMA_RUN);
    *wrote = room - d->xz.avail_out;
    *in = span_sub(*in, in->n - d->xz.avail_in, in->n);
    if (rc == LZMA_STREAM_END) d->inside = false;
    if (rc == LZMA_OK || rc == LZMA_STREAM_END || rc == LZMA_BUF_ERROR) return true;
    return err_set(e, ERR_INPUT,
                   rc == LZMA_MEMLIMIT_ERROR ? "the xz data needs more than %d MiB of memory"
                                             : "the xz data is damaged",
                   XZ_MEMORY_MAX >> 20);
}

static bool step_bzip2(struct inflate *d, struct span *in, char *to, size_t room, size_t *wrote, struct err *e) {
    size_t n = in->n < GZIP_INPUT_MAX ? in->n : GZIP_INPUT_MAX;
    if (!d->inside && !d->open && BZ2_bzDecompressInit(&d->bzip2, 0, 0) != BZ_OK)
        return err_set(e, ERR_MEMORY, "no memory to decode bzip2");
    d->inside = d->open = true;
    d->bzip2.next_in = unconst(in->p); /* bzlib's signature lacks a const; it only reads */
    d->bzip2.avail_in = (unsigned)n;
    d->bzip2.next_out = to;
    d->bzip2.avail_out = (unsigned)room;
    int rc = BZ2_bzDecompress(&d->bzip2);
    *wrote = room - d->bzip2.avail_out;
    *in = span_sub(*in, n - d->bzip2.avail_in, in->n);
    if (rc == BZ_OK) return true;
    if (rc != BZ_STREAM_END) return err_set(e, ERR_INPUT, "the bzip2 data is damaged");
    BZ2_bzDecompressEnd(&d->bzip2);
    d->bzip2 = (bz_stream){0};
    d->inside = d->open = false;
    return true;
}

static bool (*const STEP[])(struct inflate *, struct span *, char *, size_t, size_t *, struct err *) = {
    [INFLATE_PLAIN] = copy_plain, [INFLATE_GZIP] = step_gzip,   [INFLATE_ZSTD] = step_zstd,
    [INFLATE_XZ] = step_xz,       [INFLATE_BZIP2] = step_bzip2,
};

/* ---- */

bool inflate_read(struct inflate *d, struct span *in, char *to, size_t room, size_t *got, struct err *e) {
    for (*got = 0; *got < room;) {
        /* Without input a decoder that is between two members would take the end for the begin of a third. */
        if (in->n == 0 && !d->inside) return true;
        size_t had = in->n, wrote;
        bool ok = STEP[d->format](d, in, to + *got, room - *got, &wrote, e);
        *got += wrote;
        if (!ok) return false;
        if (wrote == 0 && in->n == had) return true; /* it wants more input */
    }
    return true;
}

bool inflate_append(struct inflate *d, struct span *in, struct buf *out, size_t bytes_max, struct err *e) {
    for (size_t added = 0, got; added < bytes_max; added += got) {
        size_t room = bytes_max - added < STEP_BYTES ? bytes_max - added : STEP_BYTES;
        if (in->n == 0 && !d->inside) return true;
        char *to = buf_reserve(out, room);
        if (!to) return err_set(e, ERR_MEMORY, "no memory for the decoded text");
        bool ok = inflate_read(d, in, to, room, &got, e);
        out->n += got;
        if (!ok || got < room) return ok;
    }
    return true;
}

bool inflate_is_whole(const struct inflate *d) {
    return !d->inside;
}
