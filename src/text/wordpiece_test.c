#include "text/wordpiece.h"

#include "base/check.h"
#include "base/file.h"

#include <unistd.h>
#include <yyjson.h>

#define MODEL_DIR "models/all-MiniLM-L6-v2"

enum { GOLDEN_BYTES_MAX = 4 << 20, TEXT_MAX = 32768, IDS_MAX = 512 };

static struct wordpiece *wordpiece_open_model(void) {
    struct err e = {0};
    struct wordpiece *w = wordpiece_open(MODEL_DIR, &e);
    if (!w) fprintf(stderr, "%s\n", e.msg);
    CHECK(w != NULL);
    return w;
}

static size_t unhex(const char *hex, char *out, size_t size) {
    size_t n = 0;
    for (unsigned byte; n < size && sscanf(hex + 2 * n, "%2x", &byte) == 1; n++) out[n] = (char)byte;
    return n;
}

/* One case of the file: equal ids, or a failed check. */
static void replay(const struct wordpiece *w, yyjson_val *line) {
    static char text[TEXT_MAX];
    uint32_t ids[IDS_MAX];
    const char *hex = yyjson_get_str(yyjson_obj_get(line, "text_hex"));
    yyjson_val *want = yyjson_obj_get(line, "ids");
    size_t n = unhex(hex, text, sizeof text);
    size_t got = wordpiece_encode(w, (struct span){text, n}, ids, yyjson_get_uint(yyjson_obj_get(line, "max")));
    bool same = got == yyjson_arr_size(want);
    for (size_t i = 0; same && i < got; i++) same = ids[i] == yyjson_get_uint(yyjson_arr_get(want, i));
    CHECK(same);
    if (!same) fprintf(stderr, "  text %.200s: %zu ids, not %zu\n", hex, got, yyjson_arr_size(want));
}

static void ids_equal_the_reference(void) {
    struct wordpiece *w = wordpiece_open_model();
    struct span file;
    struct err e = {0};
    size_t cases = 0;
    CHECK(file_read("tests/golden/tokens.jsonl", GOLDEN_BYTES_MAX, &file, &e));
    for (struct span rest = file; w && rest.n > 0; cases++) {
        const char *newline = memchr(rest.p, '\n', rest.n);
        size_t n = newline ? (size_t)(newline - rest.p) : rest.n;
        yyjson_doc *doc = yyjson_read(rest.p, n, 0);
        replay(w, yyjson_doc_get_root(doc));
        yyjson_doc_free(doc);
        rest = span_sub(rest, newline ? n + 1 : n, rest.n);
    }
    CHECK(cases > 900);
    file_free(&file);
    wordpiece_close(w);
}

static void vocabulary_is_whole(void) {
    struct wordpiece *w = wordpiece_open_model();
    CHECK_INT(wordpiece_vocab_size(w), 30522);
    wordpiece_close(w);
}

static void wordpiece_any_bytes_are_fine(void) {
    struct wordpiece *w = wordpiece_open_model();
    char text[600];
    uint32_t ids[64], state = 3;
    for (int round = 0; round < 3000; round++) {
        size_t n = (state >> 8) % sizeof text;
        for (size_t i = 0; i < n; i++) text[i] = (char)((state = state * 1664525u + 1013904223u) >> 16);
        size_t max = 2 + (state >> 8) % 62, got = wordpiece_encode(w, (struct span){text, n}, ids, max);
        CHECK(got >= 2 && got <= max && ids[0] == 101 && ids[got - 1] == 102);
        for (size_t i = 0; i < got; i++) CHECK(ids[i] < wordpiece_vocab_size(w));
        state = state * 1664525u + 1013904223u;
    }
    wordpiece_close(w);
}

/* Writes a model directory of its own and opens it. */
static struct wordpiece *open_with(const char *vocab, const char *config, struct err *e) {
    char dir[] = "/tmp/logclass_wordpiece_XXXXXX", path[2][64];
    CHECK(mkdtemp(dir) != NULL);
    CHECK(file_join(path[0], sizeof path[0], dir, "vocab.txt"));
    CHECK(file_join(path[1], sizeof path[1], dir, "tokenizer_config.json"));
    CHECK(!vocab || file_write(path[0], span_of(vocab), e));
    CHECK(!config || file_write(path[1], span_of(config), e));
    struct wordpiece *w = wordpiece_open(dir, e);
    unlink(path[0]);
    unlink(path[1]);
    rmdir(dir);
    return w;
}

static void broken_models_are_refused(void) {
    static const struct {
        const char *vocab, *config, *message;
    } BROKEN[] = {
        {NULL, NULL, "vocab.txt"},
        {"[UNK]\n[CLS]\nabc\n", NULL, "[SEP]"},
        {"[UNK]\n[CLS]\n[SEP]\n\xff\n", NULL, "line 4 is not UTF-8"},
        {"[UNK]\n[CLS]\n[SEP]\n", "[1]", "no JSON object"},
        {"[UNK]\n[CLS]\n[SEP]\n", "{\"do_lower_case\": 1}", "do_lower_case"},
        {"[UNK]\n[CLS]\n[SEP]\n", "{", "no JSON object"},
    };
    for (size_t i = 0; i < sizeof BROKEN / sizeof BROKEN[0]; i++) {
        struct err e = {0};
        CHECK(open_with(BROKEN[i].vocab, BROKEN[i].config, &e) == NULL);
        CHECK(strstr(e.msg, BROKEN[i].message) != NULL);
    }
}

/* A cased model keeps case and accents; of equal tokens the last line counts; line ends may be CRLF. */
static void cased_models_keep_case(void) {
    struct err e = {0};
    uint32_t ids[8];
    const char *vocab = "[UNK]\r\n[CLS]\r\n[SEP]\r\nAb\r\nab\r\n##\xc3\xa9\r\n##e\r\n\r\nab\r\n";
    struct wordpiece *w = open_with(vocab, "{\"do_lower_case\": false}", &e);
    CHECK(w != NULL);
    CHECK_INT(wordpiece_encode(w, SPAN_LIT("Ab ab\xc3\xa9 aB"), ids, 8), 6);
    CHECK(ids[1] == 3 && ids[2] == 8 && ids[3] == 5 && ids[4] == 0);
    wordpiece_close(w);
    w = open_with(vocab, NULL, &e);
    CHECK(w != NULL);
    CHECK_INT(wordpiece_encode(w, SPAN_LIT("Ab\xc3\x89"), ids, 8), 4);
    CHECK(ids[1] == 8 && ids[2] == 6);
    wordpiece_close(w);
}

CHECK_MAIN(CHECK_TEST(ids_equal_the_reference), CHECK_TEST(vocabulary_is_whole),
           CHECK_TEST(wordpiece_any_bytes_are_fine), CHECK_TEST(broken_models_are_refused),
           CHECK_TEST(cased_models_keep_case))
