#include "stream/input.h"

#include "base/must.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
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
    bool is_file;        /* a regular one: reading it does not wait for anybody */
    bool raw_end, ended; /* nothing more comes from fd; nothing more comes out */
    uint64_t position, size;
    decode_fn *decode; /* NULL: not a byte has come yet */
    bool mid_frame;    /* of a compressed file: its end here means it was cut short */
    z_stream z;
    ZSTD_DStream *zstd;
    size_t raw_at, raw_n;
    char raw[RAW_BYTES];
};

/* Is there something to read, or the end? False: not within wait_ms, or a signal came. */
static bool input_wait(const struct input *in, int wait_ms) {
    struct pollfd p = {.fd = in->fd, .events = POLLIN};
    return in->is_file || poll(&p, 1, wait_ms) > 0;
}

/* Reads more behind what raw holds. Nothing comes where nothing is there within wait_ms. */
static bool input_more(struct input *in, int wait_ms, struct err *e) {
    if (in->raw_end || !input_wait(in, wait_ms)) return true;
    ssize_t r = read(in->fd, in->raw + in->raw_n, RAW_BYTES - in->raw_n);
    if (r < 0 && (errno == EINTR || errno == EAGAIN)) return true;
    if (r < 0) return err_set(e, ERR_IO, "%s: %s", in->name, strerror(errno));
    in->raw_n += (size_t)r;
    in->position += (uint64_t)r;
    in->raw_end = r == 0;
    return true;
}

/* Refills raw when it is used up. */
static bool input_fill(struct input *in, int wait_ms, struct err *e) {
    if (in->raw_at < in->raw_n) return true;
    in->raw_at = in->raw_n = 0;
    return input_more(in, wait_ms, e);
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

static const struct magic {
    decode_fn *decode;
    size_t n;
    unsigned char bytes[4];
} MAGICS[] = {{decode_gzip, 2, {0x1f, 0x8b}}, {decode_zstd, 4, {0x28, 0xb5, 0x2f, 0xfd}}};

/* The compression whose files begin like raw does, as far as it has come; NULL: none. */
static const struct magic *input_magic(const struct input *in) {
    for (size_t i = 0; i < sizeof MAGICS / sizeof MAGICS[0]; i++) {
        size_t n = in->raw_n < MAGICS[i].n ? in->raw_n : MAGICS[i].n;
        if (n > 0 && memcmp(in->raw, MAGICS[i].bytes, n) == 0) return &MAGICS[i];
    }
    return NULL;
}

static bool start_decoder(struct input *in, struct err *e) {
    bool ok = true;
    if (in->decode == decode_gzip) {
        in->mid_frame = true;
        ok = inflateInit2(&in->z, 15 + 16) == Z_OK;
    } else if (in->decode == decode_zstd) {
        in->zstd = ZSTD_createDStream();
        ok = in->zstd != NULL;
    }
    return ok || err_set(e, ERR_MEMORY, "%s: no memory to decompress", in->name);
}

/* Finds the decoder by the first bytes. decode stays NULL while they may still become those of a compressed file. */
static bool choose_decoder(struct input *in, int wait_ms, struct err *e) {
    const struct magic *m = input_magic(in);
    if (m && in->raw_n < m->n && !in->raw_end && !input_more(in, wait_ms, e)) return false;
    m = input_magic(in);
    if ((m && in->raw_n < m->n && !in->raw_end) || (in->raw_n == 0 && !in->raw_end)) return true;
    in->decode = m && in->raw_n >= m->n ? m->decode : decode_plain;
    return start_decoder(in, e);
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
        in->is_file = S_ISREG(st.st_mode);
        if (in->is_file) in->size = (uint64_t)st.st_size;
        return in;
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

bool input_read(struct input *in, char *p, size_t n, int wait_ms, size_t *got, struct err *e) {
    for (*got = 0; *got == 0 && !in->ended;) {
        if (!input_fill(in, wait_ms, e) || (!in->decode && !choose_decoder(in, wait_ms, e))) return false;
        bool nothing_left = in->raw_at == in->raw_n;
        if (!in->decode || (nothing_left && !in->raw_end)) return true; /* nothing for now */
        if (!in->decode(in, p, n, got, e)) return false;
        if (*got > 0 || !nothing_left) continue;
        in->ended = true;
        if (in->mid_frame)
            return err_set(e, ERR_INPUT, "%s: the compressed data ends in the middle; the file is cut short", in->name);
    }
    return true;
}

bool input_is_ended(const struct input *in) {
    return in->ended;
}
uint64_t input_position(const struct input *in) {
    return in->position;
}
uint64_t input_size(const struct input *in) {
    return in->size;
}
