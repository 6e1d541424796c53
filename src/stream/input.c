#include "stream/input.h"

#include "base/must.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

enum { RAW_BYTES = 128 * 1024 };

struct input;
typedef bool decode_fn(struct input *in, char *p, size_t n, size_t *got, struct err *e);

struct input {
    const char *name; /* for errors */
    int fd;
    bool raw_end;
    uint64_t position, size;
    decode_fn *decode;
    bool mid_frame; /* of a compressed file: its end here means it was cut short */
    z_stream z;
    ZSTD_DStream *zstd;
    size_t raw_at, raw_n;
    char raw[RAW_BYTES];
};

/* Refills raw when it is used up; at the end of the file raw stays empty. */
static bool input_fill(struct input *in, struct err *e) {
    while (in->raw_at == in->raw_n && !in->raw_end) {
        ssize_t r = read(in->fd, in->raw, RAW_BYTES);
        if (r < 0 && errno == EINTR) {
            *e = (struct err){0};
            return true; /* a signal: let the caller look at what it asked for */
        }
        if (r < 0) return err_set(e, ERR_IO, "%s: %s", in->name, strerror(errno));
        in->raw_at = 0;
        in->raw_n = (size_t)r;
        in->position += (uint64_t)r;
        in->raw_end = r == 0;
    }
    return true;
}

static bool decode_plain(struct input *in, char *p, size_t n, size_t *got, struct err *e) {
    (void)e;
    *got = in->raw_n - in->raw_at < n ? in->raw_n - in->raw_at : n;
    memcpy(p, in->raw + in->raw_at, *got);
    in->raw_at += *got;
    return true;
}

static bool decode_gzip(struct input *in, char *p, size_t n, size_t *got, struct err *e) {
    if (!in->mid_frame && in->raw_n > in->raw_at) { /* the next member of a concatenated file */
        if (inflateReset(&in->z) != Z_OK) return err_set(e, ERR_MEMORY, "%s: no memory to decompress", in->name);
        in->mid_frame = true;
    }
    in->z.next_in = (Bytef *)in->raw + in->raw_at;
    in->z.avail_in = (uInt)(in->raw_n - in->raw_at);
    in->z.next_out = (Bytef *)p;
    in->z.avail_out = (uInt)n;
    int r = inflate(&in->z, Z_NO_FLUSH);
    in->raw_at = in->raw_n - in->z.avail_in;
    *got = n - in->z.avail_out;
    if (r == Z_STREAM_END) in->mid_frame = false;
    if (r == Z_OK || r == Z_STREAM_END || r == Z_BUF_ERROR) return true;
    return err_set(e, ERR_INPUT, "%s: broken gzip data at byte %llu: %s", in->name,
                   (unsigned long long)(in->position - in->z.avail_in), in->z.msg ? in->z.msg : "not a gzip member");
}

static bool decode_zstd(struct input *in, char *p, size_t n, size_t *got, struct err *e) {
    ZSTD_inBuffer from = {in->raw, in->raw_n, in->raw_at};
    ZSTD_outBuffer to = {p, n, 0};
    size_t r = ZSTD_decompressStream(in->zstd, &to, &from);
    *got = to.pos;
    if (ZSTD_isError(r))
        return err_set(e, ERR_INPUT, "%s: broken zstd data at byte %llu: %s", in->name,
                       (unsigned long long)(in->position - (in->raw_n - from.pos)), ZSTD_getErrorName(r));
    if (from.pos > in->raw_at || to.pos) in->mid_frame = r != 0;
    in->raw_at = from.pos;
    return true;
}

static bool choose_decoder(struct input *in, struct err *e) {
    if (!input_fill(in, e)) return false;
    const unsigned char *b = (const unsigned char *)in->raw;
    in->decode = decode_plain;
    if (in->raw_n >= 2 && b[0] == 0x1f && b[1] == 0x8b) {
        in->decode = decode_gzip;
        in->mid_frame = true;
        if (inflateInit2(&in->z, 15 + 16) != Z_OK)
            return err_set(e, ERR_MEMORY, "%s: no memory to decompress", in->name);
    } else if (in->raw_n >= 4 && b[0] == 0x28 && b[1] == 0xb5 && b[2] == 0x2f && b[3] == 0xfd) {
        in->decode = decode_zstd;
        in->zstd = ZSTD_createDStream();
        if (!in->zstd) return err_set(e, ERR_MEMORY, "%s: no memory to decompress", in->name);
    }
    return true;
}

struct input *input_open(const char *path, struct err *e) {
    struct input *in = must_calloc(1, sizeof *in);
    bool is_stdin = strcmp(path, "-") == 0;
    struct stat st;
    in->name = is_stdin ? "stdin" : path;
    in->fd = is_stdin ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
    if (in->fd < 0 || fstat(in->fd, &st) != 0) {
        err_set(e, ERR_IO, "%s: %s", in->name, strerror(errno));
    } else if (S_ISDIR(st.st_mode)) {
        err_set(e, ERR_IO, "%s: is a directory; name the files in it", in->name);
    } else {
        if (S_ISREG(st.st_mode)) in->size = (uint64_t)st.st_size;
        if (choose_decoder(in, e)) return in;
    }
    input_close(in);
    return NULL;
}

void input_close(struct input *in) {
    if (!in) return;
    if (in->fd >= 0) close(in->fd);
    if (in->decode == decode_gzip) inflateEnd(&in->z);
    ZSTD_freeDStream(in->zstd);
    free(in);
}

bool input_read(struct input *in, char *p, size_t n, size_t *got, struct err *e) {
    for (*got = 0; *got == 0;) {
        if (!input_fill(in, e)) return false;
        if (in->raw_at == in->raw_n && !in->raw_end) return true; /* interrupted */
        bool nothing_left = in->raw_at == in->raw_n;
        if (!in->decode(in, p, n, got, e)) return false;
        if (*got == 0 && nothing_left) {
            return !in->mid_frame ||
                   err_set(e, ERR_INPUT, "%s: the compressed data ends in the middle; the file is cut short", in->name);
        }
    }
    return true;
}

uint64_t input_position(const struct input *in) {
    return in->position;
}
uint64_t input_size(const struct input *in) {
    return in->size;
}
