#include "data/chunk.h"

#include "base/check.h"

static struct chunk g_chunk;

static void records_are_copied_into_the_chunk(void) {
    char text[] = "one";
    chunk_init(&g_chunk);
    chunk_add(&g_chunk, SPAN_LIT("app"), (struct span){text, 3});
    memcpy(text, "xxx", 3);
    chunk_add(&g_chunk, (struct span){0}, SPAN_LIT("two"));
    CHECK_INT(g_chunk.batch.n, 2);
    CHECK_SPAN(g_chunk.rec[0].source, "app");
    CHECK_SPAN(g_chunk.rec[0].message, "one");
    CHECK_SPAN(g_chunk.rec[1].source, "");
    CHECK_SPAN(g_chunk.rec[1].message, "two");
    chunk_reset(&g_chunk);
    CHECK(g_chunk.batch.n == 0 && g_chunk.text_n == 0);
    chunk_release(&g_chunk);
}

static void room_is_counted_in_records_and_bytes(void) {
    static char big[CHUNK_BYTES];
    chunk_init(&g_chunk);
    CHECK(chunk_has_room(&g_chunk, CHUNK_BYTES) && !chunk_has_room(&g_chunk, CHUNK_BYTES + 1));
    chunk_add(&g_chunk, (struct span){0}, (struct span){big, CHUNK_BYTES - 1});
    CHECK(chunk_has_room(&g_chunk, 1) && !chunk_has_room(&g_chunk, 2));
    chunk_reset(&g_chunk);
    for (int i = 0; i < CHUNK_RECORDS; i++) {
        CHECK(chunk_has_room(&g_chunk, 0));
        chunk_add(&g_chunk, (struct span){0}, (struct span){0});
    }
    CHECK(!chunk_has_room(&g_chunk, 0));
    chunk_release(&g_chunk);
}

CHECK_MAIN(CHECK_TEST(records_are_copied_into_the_chunk), CHECK_TEST(room_is_counted_in_records_and_bytes))
