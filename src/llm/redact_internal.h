/* redact_internal: what the files of redaction share. Private to it. */
#ifndef LLM_REDACT_INTERNAL_H
#define LLM_REDACT_INTERNAL_H

#include "llm/redact_scan.h"

#include <stdbool.h>
#include <stddef.h>

struct redact_text {
    struct span t;
    unsigned char *mark;
};

/* The character at i; 0 behind the end. */
static inline char redact_at(const struct redact_text *x, size_t i) {
    return i < x->t.n ? x->t.p[i] : '\0';
}

static inline bool redact_is_digit(char c) {
    return c >= '0' && c <= '9';
}

static inline bool redact_is_letter(char c) {
    char low = (char)(c | 0x20);
    return low >= 'a' && low <= 'z';
}

static inline bool redact_is_word(char c) {
    return redact_is_letter(c) || redact_is_digit(c) || c == '_';
}

static inline bool redact_is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Marks [from, to), but for what is marked already. */
void redact_hide(struct redact_text *x, size_t from, size_t to, enum redact_mark mark);

/* Length of the placeholder at i ("<id>", "#"); 0: there is none. */
size_t redact_placeholder(const struct redact_text *x, size_t i);

/* The end of the token at i: up to white space, a quote, or what ends a value in any syntax: , ; & ) } ] > |. A
 * placeholder is part of it. */
size_t redact_token_end(const struct redact_text *x, size_t i);

/* Whether [from, to) says the word, in any case. */
bool redact_is(const struct redact_text *x, size_t from, size_t to, const char *word);

/* Whether [from, to) says one of the n words, in any case. REDACT_IS_ONE_OF: of a whole array. */
bool redact_is_one_of(const struct redact_text *x, size_t from, size_t to, const char *const *words, size_t n);
#define REDACT_IS_ONE_OF(x, from, to, words) redact_is_one_of(x, from, to, words, sizeof(words) / sizeof(words)[0])

/* Whether the text at i begins so; nocase: in any case. */
bool redact_begins(const struct redact_text *x, size_t i, const char *with, bool nocase);

/* Names of secrets, with their values: redact_named.c. */
void redact_named(struct redact_text *x);

/* Flags of commands, with theirs: redact_command.c. */
void redact_commands(struct redact_text *x);

/* Is this token more than a word: digits, signs or changes of case inside, random letters? Placeholders and punctuation
 * alone are not. */
bool redact_looks_secret(const struct redact_text *x, size_t from, size_t to);

#endif
