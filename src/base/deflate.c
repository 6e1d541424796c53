#include "base/deflate.h"

#include "base/unconst.h"

#include <limits.h>
#include <zlib.h>

enum { GZIP_WINDOW_BITS = 15 + 16, LEVEL = 1, MEMORY = 8 };

bool deflate_gzip(struct span s, struct buf *out) {
    z_stream z = {0};
    if (s.n > UINT_MAX / 2) return false;
    if (deflateInit2(&z, LEVEL, Z_DEFLATED, GZIP_WINDOW_BITS, MEMORY, Z_DEFAULT_STRATEGY) != Z_OK) return false;
    size_t most = deflateBound(&z, s.n);
    char *to = buf_reserve(out, most);
    z.next_in = unconst(s.p); /* zlib's signature lacks a const; it only reads */
    z.avail_in = (unsigned)s.n;
    z.next_out = (Bytef *)to;
    z.avail_out = (unsigned)most;
    bool ok = to && deflate(&z, Z_FINISH) == Z_STREAM_END;
    if (ok) out->n += z.total_out;
    deflateEnd(&z);
    return ok;
}
