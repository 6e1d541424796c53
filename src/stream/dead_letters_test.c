#include "stream/dead_letters.h"

#include "base/check.h"
#include "base/file.h"

#include <sys/stat.h>
#include <unistd.h>

static struct chunk letter_chunk;
static char letter_path[64];

static void letters_begin(void) {
    snprintf(letter_path, sizeof letter_path, "/tmp/logclass-letters-%d", (int)getpid());
    unlink(letter_path);
    chunk_init(&letter_chunk);
    chunk_want_origins(&letter_chunk);
    chunk_add(&letter_chunk, SPAN_LIT("app"), SPAN_LIT("bad \xff one"));
    letter_chunk.origin[0] = (struct origin){.file = SPAN_LIT("/a"), .place = 12};
}

static void letters_end(void) {
    chunk_release(&letter_chunk);
    unlink(letter_path);
}

static void a_letter_tells_the_record_its_place_and_why(void) {
    struct err e = {0};
    struct span whole;
    letters_begin();
    struct dead_letters *d = dead_letters_open(letter_path, 4096);
    CHECK(dead_letters_put(d, "next", "status 400: \xc3", &letter_chunk, 0, &e));
    CHECK(dead_letters_put(d, "next", "again", &letter_chunk, 0, &e));
    dead_letters_close(d);
    CHECK(file_read(letter_path, 8192, &whole, &e));
    struct span text = whole;
    struct span first = span_take_line(&text), second = span_take_line(&text);
    CHECK(text.n == 0 && second.n > 0);
    const char *want =
        "\",\"sink\":\"next\",\"reason\":\"status 400: \xef\xbf\xbd\",\"log_place\":12,\"log_source\":\"app\","
        "\"log_file\":\"/a\",\"log_message\":\"bad \xef\xbf\xbd one\",\"log_message_base64\":\"YmFkIP8gb25l\"}";
    CHECK_SPAN(span_sub(first, first.n - strlen(want), first.n), want);
    file_free(&whole);
    letters_end();
}

static void a_full_file_takes_nothing_and_stays_whole(void) {
    struct err e = {0};
    struct stat st;
    letters_begin();
    struct dead_letters *d = dead_letters_open(letter_path, 250);
    CHECK(dead_letters_put(d, "next", "no", &letter_chunk, 0, &e));
    CHECK(stat(letter_path, &st) == 0 && st.st_size > 100);
    CHECK(!dead_letters_put(d, "next", "no", &letter_chunk, 0, &e) && e.code == ERR_LIMIT);
    off_t size = st.st_size;
    CHECK(stat(letter_path, &st) == 0 && st.st_size == size);
    unlink(letter_path); /* somebody took it away */
    CHECK(dead_letters_put(d, "next", "no", &letter_chunk, 0, &e));
    dead_letters_close(d);
    d = dead_letters_open("/dev/null/letters", 1000);
    CHECK(!dead_letters_put(d, "next", "no", &letter_chunk, 0, &e) && e.code == ERR_IO);
    dead_letters_close(d);
    letters_end();
}

CHECK_MAIN(CHECK_TEST(a_letter_tells_the_record_its_place_and_why),
           CHECK_TEST(a_full_file_takes_nothing_and_stays_whole))
