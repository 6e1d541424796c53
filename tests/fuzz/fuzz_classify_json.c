/* Any bytes as the body of POST /classify: they are refused with a reason, or give entries of valid UTF-8 within
 * limits. */
#include "base/must.h"
#include "api/entry.h"
#include "text/utf8.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const struct entry_limits LIMITS = {.entries_max = 100, .depth_max = 8, .line_bytes_max = 1000};

static void check_record(const struct record *r) {
    MUST(r->source.n <= LIMITS.line_bytes_max && r->message.n <= LIMITS.line_bytes_max);
    MUST(utf8_valid(r->source) == r->source.n && utf8_valid(r->message) == r->message.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    static struct entry_reader reader;
    static struct arena arena = {.bytes_max = 16 << 20};
    static struct buf text = {.max = 4 << 20};
    if (!reader.memory) MUST(entry_reader_init(&reader));
    struct batch b = {0};
    struct err e = {0};
    struct record rec;
    arena_reset(&arena);
    buf_reset(&text);
    buf_put(&text, data, n);
    enum refusal why = entry_read_array(&reader, &LIMITS, &text, &arena, &b, &e);
    MUST(why == REFUSE_NONE ? b.n >= 1 && b.n <= LIMITS.entries_max : e.msg[0] != '\0');
    for (uint32_t i = 0; why == REFUSE_NONE && i < b.n; i++) check_record(&b.rec[i]);
    why = entry_read_line(&reader, &LIMITS, (struct span){(const char *)data, n}, &arena, &rec, &e);
    if (why == REFUSE_NONE) check_record(&rec);
    return 0;
}
