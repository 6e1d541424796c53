/* ini: the project's one form of files that people write: rules and configuration.
 *
 *   # a comment, also after ';'; it has a line of its own
 *   [kind name]
 *   key = value
 *
 * Blanks around keys, values and lines do not count. There are no quotes, no escapes and no continued lines, so that a
 * regular expression can stand as it is. Pure: nothing is copied. */
#ifndef TEXT_INI_H
#define TEXT_INI_H

#include "base/err.h"
#include "base/span.h"

enum ini_item {
    INI_END,
    INI_SECTION, /* kind and name are set; name is empty where there is none */
    INI_PAIR,    /* key and value are set; key is not empty */
    INI_BROKEN,  /* err says what is wrong with the line */
};

struct ini {
    struct span rest; /* the text that has not been read */
    unsigned line;    /* of the item, from 1 on */
    struct span kind, name, key, value;
};

/* text must stay as it is while it is read. A byte order mark at its front is passed over. */
struct ini ini_open(struct span text);

/* The next item. After INI_BROKEN it may be called again: it goes on behind the line. */
enum ini_item ini_next(struct ini *i, struct err *e);

#endif
