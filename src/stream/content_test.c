#include "stream/content.h"

#include "base/check.h"

static void the_first_bytes_tell(void) {
#define FRONT(s) \
    { (s), sizeof(s) - 1 }
    static const struct {
        struct span front;
        enum content want;
    } ROW[] = {
        {FRONT(""), CONTENT_TEXT},
        {FRONT("plain\n"), CONTENT_TEXT},
        {FRONT("\xff\xfd"), CONTENT_TEXT},
        {FRONT("\xff\xfe"
               "a\0"),
         CONTENT_UTF16_LITTLE},
        {FRONT("\xfe\xff\0a"), CONTENT_UTF16_BIG},
        {FRONT("\xef\xbb\xbf"
               "a"),
         CONTENT_UTF8_MARKED},
        {FRONT("PK\x03\x04rest"), CONTENT_BINARY},
        {FRONT("torn\0\0\0\0\0 by a crash, but text"), CONTENT_TEXT},
        {FRONT("\0\1\2\3\4\5\6\7\0\1\2\3\4\5\6\7 and text"), CONTENT_BINARY},
        {FRONT("\x1b[31mred\x1b[0m\ttab\r\n"), CONTENT_TEXT},
    };
#undef FRONT
    for (size_t i = 0; i < sizeof ROW / sizeof ROW[0]; i++) CHECK_INT(content_of(ROW[i].front), ROW[i].want);
    char tar[300] = "name";
    memcpy(tar + 257, "ustar", 5);
    CHECK_INT(content_of((struct span){tar, sizeof tar}), CONTENT_BINARY);
    CHECK_INT(content_mark_bytes(CONTENT_UTF8_MARKED), 3);
    CHECK_INT(content_mark_bytes(CONTENT_TEXT), 0);
}

static void a_few_bytes_may_become_more(void) {
    CHECK(content_is_open(SPAN_LIT("\xff")) && content_is_open(SPAN_LIT("\xef\xbb")) && content_is_open(SPAN_LIT("P")));
    CHECK(!content_is_open(SPAN_LIT("\xff\xfe")) && !content_is_open(SPAN_LIT("a")) &&
          !content_is_open(SPAN_LIT("Pa")));
}

static void a_refusal_says_what_and_what_to_do(void) {
    struct err e = {0};
    CHECK(!content_refuse(SPAN_LIT("PK\x03\x04"), "a.zip", &e));
    CHECK_STR(e.msg, "a.zip: a zip archive, not text; unzip -p a.zip | logclass classify");
    CHECK(!content_refuse(SPAN_LIT("\x7f"
                                   "ELF"),
                          "ls", &e));
    CHECK_STR(e.msg, "ls: a program, not text; name text files");
    CHECK(!content_refuse(SPAN_LIT("a\0b\0c\0"), "x", &e) && strstr(e.msg, "iconv"));
    CHECK(!content_refuse(SPAN_LIT("\1\2\3\4"), "x", &e) && strstr(e.msg, "--binary"));
}

CHECK_MAIN(CHECK_TEST(the_first_bytes_tell), CHECK_TEST(a_few_bytes_may_become_more),
           CHECK_TEST(a_refusal_says_what_and_what_to_do))
