/* Any bytes as the body of POST /classify: they are refused with a reason, or give entries of valid UTF-8 within
 * limits. */
#include "base/must.h"
#include "data/record_json.h"
#include "text/utf8.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const struct record_json_limits LIMITS = {.entries_max = 100, .depth_max = 8, .line_bytes_max = 1000};

static void check_record(const struct record *r) {
    MUST(r->source.n <= LIMITS.line_bytes_max && r->message.n <= LIMITS.line_bytes_max);
    MUST(utf8_valid(r->source) == r->source.n && utf8_valid(r->message) == r->message.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    static struct record_json_reader reader;
    static struct arena arena = {.bytes_max = 16 << 20};
    static struct buf text = {.max = 4 << 20};
    if (!reader.memory) MUST(record_json_reader_init(&reader));
    struct batch b = {0};
    struct err e = {0};
    struct record rec;
    arena_reset(&arena);
    buf_reset(&text);
    buf_put(&text, data, n);
    enum record_json_trouble why = record_json_read_array(&reader, &LIMITS, &text, &arena, &b, &e);
    MUST(why == RECORD_JSON_OK ? b.n >= 1 && b.n <= LIMITS.entries_max : e.msg[0] != '\0');
    for (uint32_t i = 0; why == RECORD_JSON_OK && i < b.n; i++) check_record(&b.rec[i]);
    why = record_json_read_line(&reader, &LIMITS, (struct span){(const char *)data, n}, &arena, &rec, &e);
    if (why == RECORD_JSON_OK) check_record(&rec);
    return 0;
}
