/* conf_rows: the rows of conf.def as a table. Private to the folder. */
#ifndef CONF_CONF_ROWS_H
#define CONF_CONF_ROWS_H

#include "conf/conf.h"

#include <stddef.h>

enum conf_type { GROUP_TITLE, TEXT, ENUM, INT, FLOAT, BOOL };
enum conf_show { COMMON, ADVANCED };

struct option_row {
    const char *name; /* the field: words joined by '_'; of a GROUP_TITLE, the title */
    enum conf_type type;
    const char *preset;
    double min, max;
    const char *unit;
    unsigned commands;
    enum conf_show show;
    enum conf_reload reload;
    const char *help;
    size_t offset; /* in struct conf */
};

enum { CONF_NAME_BYTES = 64 };

enum {
    C = CONF_CLASSIFY | CONF_TOP,
    O = CONF_CLASSIFY,
    T = CONF_TOP,
    S = CONF_SERVE,
    E = CONF_SERVICE_BERT,
    L = CONF_SERVICE_LLM,
    H = S | E | L,
    B = CONF_BENCH,
    ALL = CONF_ALL
};

extern const struct option_row conf_row[];
extern const size_t conf_rows;

/* What a command takes when nobody says otherwise. */
const char *conf_preset(const struct option_row *r, enum conf_command command);

/* The letter that stands for it ("-o"); 0: none. */
char conf_letter(const struct option_row *r);

const char *conf_flag_name(const struct option_row *r, char out[CONF_NAME_BYTES]); /* "bert-threshold" */
const char *conf_env_name(const struct option_row *r, char out[CONF_NAME_BYTES]);  /* "LOGCLASS_BERT_THRESHOLD" */

/* A yes/no option, whatever else it may be. */
bool conf_is_switch(const struct option_row *r);

#endif
