/* section: the [source NAME] and [sink NAME] sections of a config file; section.def lists their kinds and keys. */
#ifndef CONF_SECTION_H
#define CONF_SECTION_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONF_TYPE_TEXT  char *
#define CONF_TYPE_ENUM  char *
#define CONF_TYPE_LIST  char * /* words or patterns, separated by commas */
#define CONF_TYPE_INT   long long
#define CONF_TYPE_FLOAT double
#define CONF_TYPE_BOOL  bool

enum { SECTIONS_MAX = 16, SECTION_NAME_MAX = 64 };

enum section_side { SECTION_SOURCE, SECTION_SINK };

enum section_kind {
    SECTION_UNKNOWN, /* no `type` was given */
#define SECTION_KIND(id, ...) SECTION_##id,
#include "conf/section.def"
    SECTION_KIND_COUNT
};

struct section {
    enum section_side side;
    enum section_kind kind;
    char name[SECTION_NAME_MAX];
    char place[256]; /* "FILE:12", for errors */
    uint64_t given;  /* a bit for each key that was set */
#define SECTION_KEY(field, type, ...) CONF_TYPE_##type field;
#include "conf/section.def"
};

struct section_list {
    struct section *v; /* [n], the list's */
    size_t n;
};

/* A new section with its defaults at the end of the list. NULL: the name is taken, or there are SECTIONS_MAX. place:
 * for errors. The pointer is good as long as the list. */
struct section *section_add(struct section_list *l, enum section_side side, const char *name, const char *place,
                            struct err *e);

/* Sets `type` or another key ("batch-wait"); "rdkafka.NAME" becomes a line "NAME=VALUE" of `rdkafka`. A list key that
 * is set again grows. from: for errors. */
bool section_set(struct section *s, const char *key, const char *value, const char *from, struct err *e);

bool section_takes(const struct section *s, const char *key);    /* is it a key of its type? */
bool section_is_given(const struct section *s, const char *key); /* was it set? */

/* Is there a key of this name for a section of this side, whatever its kind? */
bool section_has_key(enum section_side side, const char *key);

/* Does the key want a value of its own, or is naming it enough (a yes/no key)? */
bool section_key_is_flag(const char *key);

/* Has each section a type, only keys of that type, and those that it cannot do without? */
bool section_list_check(const struct section_list *l, struct err *e);

bool section_list_is_same(const struct section_list *a, const struct section_list *b);
void section_list_release(struct section_list *l);

/* The type by its name in the config; SECTION_UNKNOWN: there is none on this side. */
enum section_kind section_kind_find(enum section_side side, const char *type);
const char *section_kind_name(enum section_kind kind);
const char *section_kind_key(enum section_kind kind); /* the key that holds its address or path */

/* The next item of a list such as "a, b"; *at moves on. False: there is no further one, or (e says so) it is longer
 * than size - 1 bytes. */
bool section_next_item(const char **at, char *item, size_t size);

void section_help(struct buf *out, enum section_side side, enum section_kind kind); /* as flags of a --help text */
void section_list_show(struct buf *out, const struct section_list *l);
void section_doc(struct buf *out); /* their part of docs/configuration.md */

#endif
