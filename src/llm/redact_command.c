/* Secrets in commands that somebody ran: mysql -pX, curl -u name:X, sqlplus name/X@db. */
#include "llm/redact_internal.h"

#include <string.h>

enum command_form { COMMAND_GLUED, COMMAND_NEXT, COMMAND_USER, COMMAND_LOGIN };

enum { COMMAND_WORDS = 16 }; /* so many are looked at behind a command */

static const struct command_row {
    const char *name, *flag;
    enum command_form form;
} COMMANDS[] = {
#define REDACT_COMMAND(name, flag, form) {name, flag, COMMAND_##form},
#include "llm/redact_word.def"
#undef REDACT_COMMAND
};

static size_t shell_word_end(const struct redact_text *x, size_t i) {
    while (i < x->t.n && !redact_is_blank(x->t.p[i])) i++;
    return i;
}

/* NAME:SECRET or NAME%SECRET */
static void hide_behind_name(struct redact_text *x, size_t from, size_t to) {
    for (size_t i = from; i < to; i++)
        if (x->t.p[i] == ':' || x->t.p[i] == '%') {
            redact_hide(x, i + 1, to, REDACT_SECRET);
            return;
        }
}

/* NAME/SECRET@… */
static void hide_login(struct redact_text *x, size_t from, size_t to) {
    size_t slash = from, at = to;
    while (slash < to && x->t.p[slash] != '/') slash++;
    while (at > slash && x->t.p[at - 1] != '@') at--;
    if (slash > from && at > slash + 2) redact_hide(x, slash + 1, at - 1, REDACT_SECRET);
}

/* One word behind the command; *next: the word after it is the flag's value. */
static void take_argument(struct redact_text *x, const struct command_row *c, size_t from, size_t to, bool *next) {
    size_t n = strlen(c->flag);
    bool flag = n > 0 && redact_begins(x, from, c->flag, false);
    if (c->form == COMMAND_GLUED && redact_begins(x, from, "-<id>", false)) /* the masker took the flag with it */
        redact_hide(x, from + 1, to, REDACT_SECRET);
    if (c->form == COMMAND_LOGIN) {
        hide_login(x, from, to);
    } else if (*next) {
        if (c->form == COMMAND_USER)
            hide_behind_name(x, from, to);
        else
            redact_hide(x, from, to, REDACT_SECRET);
        *next = false;
    } else if (flag && to > from + n) {
        if (c->form == COMMAND_USER)
            hide_behind_name(x, from + n, to);
        else
            redact_hide(x, from + n, to, REDACT_SECRET);
    } else if (flag) {
        *next = c->form != COMMAND_GLUED;
    }
}

static void take_arguments(struct redact_text *x, const struct command_row *c, size_t i) {
    bool next = false;
    if (strchr(c->name, ':')) /* a URL: what follows at once */
        take_argument(x, c, i, shell_word_end(x, i), &next);
    for (int k = 0; k < COMMAND_WORDS && i < x->t.n; k++) {
        while (i < x->t.n && redact_is_blank(x->t.p[i])) i++;
        size_t end = shell_word_end(x, i);
        take_argument(x, c, i, end, &next);
        i = end;
    }
}

void redact_commands(struct redact_text *x) {
    for (size_t i = 0; i < x->t.n; i++) {
        if (i > 0 && redact_is_word(x->t.p[i - 1])) continue;
        for (size_t k = 0; k < sizeof COMMANDS / sizeof COMMANDS[0]; k++) {
            size_t n = strlen(COMMANDS[k].name);
            bool url = COMMANDS[k].name[n - 1] == ':';
            if (redact_begins(x, i, COMMANDS[k].name, false) && (url || redact_is_blank(redact_at(x, i + n))))
                take_arguments(x, &COMMANDS[k], i + n);
        }
    }
}
