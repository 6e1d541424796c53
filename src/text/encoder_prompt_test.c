/* The prompt of a model's directory, and that it stands before every text. */
#include "text/encoder_prompt.h"

#include "base/check.h"
#include "base/file.h"
#include "text/wordpiece.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const FILES[] = {"config_sentence_transformers.json", "vocab.txt"};

static void write_files(const char *dir, const char *const text[2]) {
    char path[128];
    struct err e;
    for (size_t i = 0; i < 2; i++) {
        CHECK(file_join(path, sizeof path, dir, FILES[i]));
        if (text[i]) CHECK(file_write(path, span_of(text[i]), &e));
    }
}

static void remove_files(const char *dir) {
    char path[128];
    for (size_t i = 0; i < 2; i++)
        if (file_join(path, sizeof path, dir, FILES[i])) unlink(path);
    rmdir(dir);
}

static bool read_one(const char *json, char prompt[ENCODER_PROMPT_BYTES], struct err *e) {
    char dir[] = "/tmp/logclass_prompt_XXXXXX";
    CHECK(mkdtemp(dir) != NULL);
    write_files(dir, (const char *const[]){json, NULL});
    bool ok = encoder_prompt_read(prompt, dir, e);
    remove_files(dir);
    return ok;
}

static void the_default_prompt_is_read(void) {
    static const struct {
        const char *json, *prompt;
    } GOOD[] = {
        {NULL, ""},
        {"{}", ""},
        {"{\"prompts\":{\"query\":\"query: \"},\"default_prompt_name\":null}", ""},
        {"{\"prompts\":{\"query\":\"query: \"},\"default_prompt_name\":\"query\"}", "query: "},
    };
    char prompt[ENCODER_PROMPT_BYTES];
    for (size_t i = 0; i < sizeof GOOD / sizeof GOOD[0]; i++) {
        struct err e = {0};
        CHECK(read_one(GOOD[i].json, prompt, &e));
        CHECK_STR(prompt, GOOD[i].prompt);
    }
}

static void what_is_broken_is_named(void) {
    static const struct {
        const char *json, *message;
    } BROKEN[] = {
        {"[", "no JSON object"},
        {"{\"default_prompt_name\":\"query\"}", "has no \"query\""},
        {"{\"prompts\":{\"q\":\"a\\u0000b\"},\"default_prompt_name\":\"q\"}", "without NUL"},
        {"{\"prompts\":{\"q\":\"0123456789012345678901234567890123456789012345678901234567890123\"},"
         "\"default_prompt_name\":\"q\"}",
         "at most 63 bytes"},
    };
    char prompt[ENCODER_PROMPT_BYTES];
    for (size_t i = 0; i < sizeof BROKEN / sizeof BROKEN[0]; i++) {
        struct err e = {0};
        CHECK(!read_one(BROKEN[i].json, prompt, &e));
        CHECK(strstr(e.msg, BROKEN[i].message) != NULL && strstr(e.msg, FILES[0]) != NULL);
    }
}

/* "ask: a" and a text "a" behind the prompt "ask: " are the same tokens; a long text is cut behind the prompt. */
static void the_prompt_stands_before_every_text(void) {
    char dir[] = "/tmp/logclass_prompt_XXXXXX";
    struct err e = {0};
    uint32_t with[8], plain[8];
    CHECK(mkdtemp(dir) != NULL);
    write_files(dir, (const char *const[]){NULL, "[UNK]\n[CLS]\n[SEP]\nask\n:\na\n"});
    struct wordpiece *w = wordpiece_open(dir, &e);
    CHECK(w != NULL);
    size_t n = wordpiece_encode(w, SPAN_LIT("ask: a"), plain, 8);
    wordpiece_close(w);
    write_files(dir, (const char *const[]){"{\"prompts\":{\"q\":\"ask: \"},\"default_prompt_name\":\"q\"}", NULL});
    w = wordpiece_open(dir, &e);
    CHECK(w != NULL);
    CHECK_INT(wordpiece_encode(w, SPAN_LIT("a"), with, 8), n);
    CHECK(memcmp(with, plain, n * sizeof *with) == 0);
    CHECK_INT(wordpiece_encode(w, SPAN_LIT("a a a a a"), with, 5), 5);
    CHECK(with[1] == 3 && with[3] == 5 && with[4] == 2);
    wordpiece_close(w);
    remove_files(dir);
}

CHECK_MAIN(CHECK_TEST(the_default_prompt_is_read), CHECK_TEST(what_is_broken_is_named),
           CHECK_TEST(the_prompt_stands_before_every_text))
