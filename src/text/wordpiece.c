#include "text/wordpiece.h"

#include "base/file.h"
#include "base/must.h"
#include "text/encoder_prompt.h"
#include "text/trie.h"
#include "text/unicode.h"
#include "text/utf8.h"

#include <stdlib.h>
#include <unistd.h>
#include <yyjson.h>

enum {
    VOCAB_BYTES_MAX = 32 * 1024 * 1024,
    CONFIG_BYTES_MAX = 16 * 1024 * 1024,
    VOCAB_MAX = 1 << 20,
    WORD_CHARS_MAX = 100, /* the reference's max_input_chars_per_word: a longer word is unknown */
    WORD_BYTES_MAX = (WORD_CHARS_MAX + 1) * UTF8_BYTES_MAX,
    PATH_BYTES_MAX = 4096,
};

/* The tokens that keep their meaning when they are spelled out in a text. */
static const char *const SPECIAL[] = {"[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"};
enum { UNK, CLS, SEP, REQUIRED, SPECIALS = sizeof SPECIAL / sizeof SPECIAL[0] };

struct wordpiece {
    struct trie words;
    uint32_t inner; /* the trie's node behind "##": where the pieces inside words begin */
    uint32_t vocab_size;
    char prompt[ENCODER_PROMPT_BYTES]; /* goes before every text */
    uint32_t special[SPECIALS];        /* ids; TRIE_NONE: not in this vocabulary */
    bool lower, strip, split_cjk;
    unsigned char class_of[0x80]; /* of ASCII; enum unicode_class */
    char fold[0x80];              /* ASCII in lower case, where the model wants that */
    uint32_t punct_id[0x80];      /* token of a punctuation mark */
};

/* ---- encoding ---- */

/* A text on its way to ids: the word being collected, and the ids so far. */
struct encoding {
    const struct wordpiece *w;
    uint32_t *ids;
    size_t n, max;
    size_t bytes, chars; /* of the word; past WORD_CHARS_MAX only chars goes on */
    char word[WORD_BYTES_MAX];
};

static void put_id(struct encoding *c, uint32_t id) {
    if (c->n < c->max) c->ids[c->n++] = id;
}

/* Greedy longest match; a word with a part that matches nothing is unknown as a whole. */
static void end_word(struct encoding *c) {
    uint32_t piece[WORD_CHARS_MAX], node = TRIE_ROOT;
    size_t pieces = 0, at = 0;
    if (c->chars == 0) return;
    bool known = c->chars <= WORD_CHARS_MAX;
    while (known && at < c->bytes) {
        size_t n = trie_longest(&c->w->words, node, c->word + at, c->bytes - at, &piece[pieces]);
        known = n > 0; /* keys are valid UTF-8, so a piece has a character at least */
        at += n;
        pieces++;
        node = c->w->inner;
    }
    if (!known) piece[0] = c->w->special[UNK], pieces = 1;
    for (size_t i = 0; i < pieces; i++) put_id(c, piece[i]);
    c->bytes = c->chars = 0;
}

static void put_char(struct encoding *c, uint32_t cp) {
    if (c->chars++ < WORD_CHARS_MAX) c->bytes += utf8_encode(cp, c->word + c->bytes);
}

/* A character that is a word of its own. */
static void put_alone(struct encoding *c, uint32_t cp) {
    end_word(c);
    put_char(c, cp);
    end_word(c);
}

/* One code point of the normalised text. */
static void put_normal(struct encoding *c, uint32_t cp) {
    if (unicode_class(cp) == UNICODE_PUNCT)
        put_alone(c, cp);
    else
        put_char(c, cp);
}

static void put_lower(struct encoding *c, uint32_t cp) {
    uint32_t lower[UNICODE_LOWER_MAX];
    size_t n = unicode_lower(cp, lower);
    for (size_t i = 0; i < n; i++) put_normal(c, lower[i]);
}

static void put_letter(struct encoding *c, uint32_t cp) {
    uint32_t bare[UNICODE_STRIP_MAX] = {cp};
    size_t n = c->w->strip ? unicode_strip(cp, bare) : 1;
    for (size_t i = 0; i < n; i++) {
        if (c->w->lower)
            put_lower(c, bare[i]);
        else
            put_normal(c, bare[i]);
    }
}

/* One code point of the text: cleaned, split, then normalised. */
static void put_code_point(struct encoding *c, uint32_t cp) {
    switch (unicode_class(cp)) {
    case UNICODE_DROP: return;
    case UNICODE_SPACE: end_word(c); return;
    case UNICODE_CJK:
        if (c->w->split_cjk) end_word(c);
        put_letter(c, cp);
        if (c->w->split_cjk) end_word(c);
        return;
    case UNICODE_PUNCT:
    case UNICODE_MARK:
    case UNICODE_LETTER: put_letter(c, cp); return;
    }
}

/* The ASCII letters and digits at p[0, n): nearly all of most texts. */
static size_t put_ascii_run(struct encoding *c, const char *p, size_t n) {
    const struct wordpiece *w = c->w;
    size_t i = 0;
    for (; i < n && (unsigned char)p[i] < 0x80 && w->class_of[(unsigned char)p[i]] == UNICODE_LETTER; i++)
        if (c->chars + i < WORD_CHARS_MAX) c->word[c->bytes + i] = w->fold[(unsigned char)p[i]];
    size_t room = c->chars < WORD_CHARS_MAX ? WORD_CHARS_MAX - c->chars : 0;
    c->bytes += i < room ? i : room;
    c->chars += i;
    return i;
}

/* A piece of text without special tokens. */
static void wordpiece_put_text(struct encoding *c, struct span text) {
    for (size_t i = 0; i < text.n && c->n < c->max;) {
        unsigned char byte = (unsigned char)text.p[i];
        if (byte >= 0x80) {
            uint32_t cp;
            i += utf8_decode(text.p + i, text.n - i, &cp);
            put_code_point(c, cp);
        } else if (c->w->class_of[byte] == UNICODE_LETTER) {
            i += put_ascii_run(c, text.p + i, text.n - i);
        } else {
            if (c->w->class_of[byte] != UNICODE_DROP) end_word(c);
            if (c->w->class_of[byte] == UNICODE_PUNCT) put_id(c, c->w->punct_id[byte]);
            i++;
        }
    }
    end_word(c);
}

/* The special token spelled at text[at], or SPECIALS. */
static size_t special_at(const struct wordpiece *w, struct span text, size_t at) {
    size_t i = 0;
    while (i < SPECIALS &&
           (w->special[i] == TRIE_NONE || !span_starts(span_sub(text, at, text.n), span_of(SPECIAL[i]))))
        i++;
    return i;
}

/* Where the next special token is spelled from text[from] on (text.n: nowhere), and which. */
static size_t next_special(const struct wordpiece *w, struct span text, size_t from, size_t *special) {
    for (size_t at = from; at < text.n; at++) {
        const char *bracket = memchr(text.p + at, '[', text.n - at);
        if (!bracket) break;
        at = (size_t)(bracket - text.p);
        *special = special_at(w, text, at);
        if (*special < SPECIALS) return at;
    }
    *special = SPECIALS;
    return text.n;
}

size_t wordpiece_encode(const struct wordpiece *w, struct span text, uint32_t *ids, size_t ids_max) {
    return wordpiece_encode_after(w, (struct span){0}, text, ids, ids_max);
}

size_t wordpiece_encode_after(const struct wordpiece *w, struct span words, struct span text, uint32_t *ids,
                              size_t ids_max) {
    MUST(ids_max >= 2);
    struct encoding c;
    c.w = w, c.ids = ids, c.n = 0, c.max = ids_max - 1, c.bytes = c.chars = 0; /* the word needs no clearing */
    put_id(&c, w->special[CLS]);
    wordpiece_put_text(&c, span_of(w->prompt));
    wordpiece_put_text(&c, words);
    for (size_t from = 0; from < text.n;) {
        size_t special, at = next_special(w, text, from, &special);
        wordpiece_put_text(&c, span_sub(text, from, at));
        if (special == SPECIALS) break;
        put_id(&c, w->special[special]);
        from = at + strlen(SPECIAL[special]);
    }
    c.max = ids_max;
    put_id(&c, w->special[SEP]);
    return c.n;
}

/* ---- opening ---- */

/* A yes-or-no of the configuration; absent and null give the default. */
static bool flag(yyjson_val *config, const char *name, bool otherwise, bool *out, struct err *e) {
    yyjson_val *v = yyjson_obj_get(config, name);
    *out = yyjson_is_bool(v) ? yyjson_get_bool(v) : otherwise;
    if (!v || yyjson_is_bool(v) || yyjson_is_null(v)) return true;
    return err_set(e, ERR_MODEL, "'%s' is neither true, false nor null", name);
}

static bool take_config(struct wordpiece *w, struct span text, struct err *e) {
    yyjson_doc *doc = yyjson_read(text.p, text.n, 0);
    yyjson_val *root = yyjson_doc_get_root(doc);
    bool ok = yyjson_is_obj(root) || err_set(e, ERR_MODEL, "is no JSON object");
    ok = ok && flag(root, "do_lower_case", true, &w->lower, e) && flag(root, "strip_accents", w->lower, &w->strip, e) &&
         flag(root, "tokenize_chinese_chars", true, &w->split_cjk, e);
    yyjson_doc_free(doc);
    return ok;
}

static bool wordpiece_read_config(struct wordpiece *w, const char *dir, struct err *e) {
    char path[PATH_BYTES_MAX];
    struct span text;
    w->lower = w->strip = w->split_cjk = true;
    if (!file_join(path, sizeof path, dir, "tokenizer_config.json"))
        return err_set(e, ERR_MODEL, "%s: the path is too long", dir);
    if (access(path, F_OK) != 0) return true;
    if (!file_read(path, CONFIG_BYTES_MAX, &text, e)) return false;
    bool ok = take_config(w, text, e) || err_prefix(e, "%s", path);
    file_free(&text);
    return ok;
}

/* One token a line; the line's number is its id. */
static bool take_vocab(struct wordpiece *w, struct span text, struct span *token, struct err *e) {
    for (; text.n > 0; w->vocab_size++) {
        const char *newline = memchr(text.p, '\n', text.n);
        size_t n = newline ? (size_t)(newline - text.p) : text.n;
        struct span line = span_sub(text, 0, n);
        if (line.n > 0 && line.p[line.n - 1] == '\r') line.n--;
        if (w->vocab_size == VOCAB_MAX) return err_set(e, ERR_LIMIT, "more than %d tokens", VOCAB_MAX);
        if (utf8_valid(line) != line.n) return err_set(e, ERR_MODEL, "line %u is not UTF-8", w->vocab_size + 1);
        token[w->vocab_size] = line;
        text = span_sub(text, newline ? n + 1 : n, text.n);
    }
    return trie_build(&w->words, token, w->vocab_size, e);
}

static bool find_specials(struct wordpiece *w, struct err *e) {
    for (size_t i = 0; i < SPECIALS; i++) {
        w->special[i] = trie_find(&w->words, span_of(SPECIAL[i]));
        if (i < REQUIRED && w->special[i] == TRIE_NONE)
            return err_set(e, ERR_MODEL, "the token %s is missing", SPECIAL[i]);
    }
    return true;
}

static bool read_vocab(struct wordpiece *w, const char *dir, struct err *e) {
    char path[PATH_BYTES_MAX];
    struct span text;
    if (!file_join(path, sizeof path, dir, "vocab.txt")) return err_set(e, ERR_MODEL, "%s: the path is too long", dir);
    if (!file_read(path, VOCAB_BYTES_MAX, &text, e)) return false;
    struct span *token = must_calloc(VOCAB_MAX, sizeof *token);
    bool ok = (take_vocab(w, text, token, e) && find_specials(w, e)) || err_prefix(e, "%s", path);
    free(token);
    file_free(&text);
    return ok;
}

/* What put_text asks of each ASCII byte. */
static void fill_ascii(struct wordpiece *w) {
    for (uint32_t cp = 0; cp < 0x80; cp++) {
        uint32_t lower[UNICODE_LOWER_MAX];
        unicode_lower(cp, lower);
        char byte = (char)cp;
        w->class_of[cp] = (unsigned char)unicode_class(cp);
        w->fold[cp] = (char)(w->lower ? lower[0] : cp);
        w->punct_id[cp] = trie_find(&w->words, (struct span){&byte, 1});
        if (w->punct_id[cp] == TRIE_NONE) w->punct_id[cp] = w->special[UNK];
    }
}

struct wordpiece *wordpiece_open(const char *model_dir, struct err *e) {
    struct wordpiece *w = must_calloc(1, sizeof *w);
    if (!wordpiece_read_config(w, model_dir, e) || !encoder_prompt_read(w->prompt, model_dir, e) ||
        !read_vocab(w, model_dir, e)) {
        wordpiece_close(w);
        return NULL;
    }
    w->inner = trie_walk(&w->words, TRIE_ROOT, SPAN_LIT("##"));
    fill_ascii(w);
    return w;
}

void wordpiece_close(struct wordpiece *w) {
    if (!w) return;
    trie_release(&w->words);
    free(w);
}

uint32_t wordpiece_vocab_size(const struct wordpiece *w) {
    return w->vocab_size;
}
