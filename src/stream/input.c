#include "stream/input.h"

#include "base/inflate.h"
#include "base/must.h"
#include "stream/content.h"
#include "text/utf16.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RAW_BYTES = 128 * 1024 };

struct input {
    const char *name; /* for errors */
    int fd;
    bool is_file;        /* a regular one: reading it does not wait for anybody */
    bool raw_end, ended; /* nothing more comes from fd; nothing more comes out */
    uint64_t position, size;
    struct inflate *decode; /* NULL: not a byte has come yet */
    size_t raw_at, raw_n;
    bool any;        /* take what is no text, too */
    bool is_told;    /* what the first decoded bytes are */
    struct err late; /* the trouble that comes behind the front */
    bool wide;       /* UTF-16 */
    struct utf16 utf16;
    size_t front_at, front_n; /* decoded, not given yet */
    char front[CONTENT_FRONT_BYTES];
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

/* Finds the decoder by the first bytes. decode stays NULL while they may still become those of a compressed file. */
static bool choose_decoder(struct input *in, int wait_ms, struct err *e) {
    struct span first = {in->raw, in->raw_n};
    if (in->raw_n > 0 && in->raw_n < INFLATE_MAGIC_BYTES && !in->raw_end && inflate_may_begin(first)) {
        if (!input_more(in, wait_ms, e)) return false;
        first.n = in->raw_n;
        if (in->raw_n < INFLATE_MAGIC_BYTES && !in->raw_end && inflate_may_begin(first)) return true;
    }
    if (in->raw_n == 0 && !in->raw_end) return true;
    in->decode = inflate_open(inflate_detect(first), INFLATE_WINDOW_LOG_FILE);
    return in->decode || err_set(e, ERR_MEMORY, "%s: no memory to decompress", in->name);
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
        err_set(e, ERR_IO, "%s: is a directory, passed over; name the files in it", in->name);
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
    inflate_close(in->decode);
    free(in);
}

static bool decode_some(struct input *in, char *p, size_t n, size_t *got, struct err *e) {
    struct span raw = {in->raw + in->raw_at, in->raw_n - in->raw_at};
    bool ok = inflate_read(in->decode, &raw, p, n, got, e);
    in->raw_at = in->raw_n - raw.n;
    return ok || err_prefix(e, "%s: byte %llu", in->name, (unsigned long long)(in->position - raw.n));
}

/* Some of the decoded bytes; like input_read. */
static bool input_decoded(struct input *in, char *p, size_t n, int wait_ms, size_t *got, struct err *e) {
    *got = 0;
    if (in->late.code != ERR_OK) {
        *e = in->late;
        return false;
    }
    while (!in->ended) {
        if (in->decode && !decode_some(in, p, n, got, e)) return false; /* it may hold more than it was given */
        if (*got > 0) return true;
        if (in->raw_end) {
            in->ended = true;
            if (in->decode && !inflate_is_whole(in->decode))
                return err_set(e, ERR_INPUT, "%s: the compressed data ends in the middle; the file is cut short",
                               in->name);
            return true;
        }
        uint64_t before = in->position;
        if (!input_fill(in, wait_ms, e) || (!in->decode && !choose_decoder(in, wait_ms, e))) return false;
        if (in->position == before && !in->raw_end) return true; /* nothing for now */
    }
    return true;
}

/* ---- what it is ---- */

/* As much of the front as there is now. */
static bool fill_front(struct input *in, int wait_ms, struct err *e) {
    for (size_t got = 1; got > 0 && in->front_n < CONTENT_FRONT_BYTES && !in->ended; wait_ms = 0) {
        bool ok = input_decoded(in, in->front + in->front_n, CONTENT_FRONT_BYTES - in->front_n, wait_ms, &got, e);
        in->front_n += got;
        if (!ok) return false;
    }
    return true;
}

/* Settles what it is; in->is_told stays false where too little has come. */
static bool tell_content(struct input *in, int wait_ms, struct err *e) {
    if (!fill_front(in, wait_ms, &in->late) && in->front_n == 0) {
        *e = in->late;
        return false;
    }
    struct span front = {in->front, in->front_n};
    if (!in->ended && in->late.code == ERR_OK && (front.n == 0 || content_is_open(front))) return true;
    enum content c = content_of(front);
    if (c == CONTENT_BINARY && !in->any) return content_refuse(front, in->name, e);
    in->front_at = content_mark_bytes(c);
    in->wide = c == CONTENT_UTF16_LITTLE || c == CONTENT_UTF16_BIG;
    in->utf16.big_endian = c == CONTENT_UTF16_BIG;
    in->is_told = true;
    return true;
}

static size_t give_front(struct input *in, char *p, size_t n) {
    size_t left = in->front_n - in->front_at, some = left < n ? left : n;
    memcpy(p, in->front + in->front_at, some);
    in->front_at += some;
    return some;
}

/* UTF-16 goes through the front; an odd byte at its end waits there. */
static bool read_wide(struct input *in, char *p, size_t n, int wait_ms, size_t *got, struct err *e) {
    for (;;) {
        struct span left = {in->front + in->front_at, in->front_n - in->front_at};
        *got = utf16_decode(&in->utf16, &left, in->ended, p, n);
        memmove(in->front, left.p, left.n);
        in->front_at = 0, in->front_n = left.n;
        if (*got > 0 || in->ended) return true;
        size_t more;
        bool ok = input_decoded(in, in->front + left.n, CONTENT_FRONT_BYTES - left.n, wait_ms, &more, e);
        in->front_n += more;
        if (!ok || (more == 0 && !in->ended)) return ok;
    }
}

bool input_read(struct input *in, char *p, size_t n, int wait_ms, size_t *got, struct err *e) {
    *got = 0;
    if (!in->is_told && !tell_content(in, wait_ms, e)) return false;
    if (!in->is_told) return true;
    if (in->wide) return read_wide(in, p, n, wait_ms, got, e);
    if ((*got = give_front(in, p, n)) > 0) return true;
    return input_decoded(in, p, n, wait_ms, got, e);
}

void input_take_any(struct input *in) {
    in->any = true;
}

bool input_is_ended(const struct input *in) {
    return in->ended && in->late.code == ERR_OK && in->is_told && in->front_at == in->front_n && in->utf16.high == 0;
}
uint64_t input_position(const struct input *in) {
    return in->position;
}
uint64_t input_size(const struct input *in) {
    return in->size;
}
