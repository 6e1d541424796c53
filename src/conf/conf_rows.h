/* conf_rows: the rows of conf.def as a table. Private to the folder. */
#ifndef CONF_CONF_ROWS_H
#define CONF_CONF_ROWS_H

#include "conf/row.h"

enum {
    O = CONF_CLASSIFY, /* only classify: a stream says these in its sections */
    T = CONF_TOP,
    C = CONF_CLASSIFY | CONF_FOLLOW | CONF_TOP | CONF_LIBRARY,
    S = CONF_SERVE | CONF_RUN,
    R = CONF_RUN | CONF_FOLLOW,
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

const char *conf_env_name(const struct option_row *r, char out[ROW_NAME_BYTES]); /* "LOGCLASS_BERT_THRESHOLD" */

/* A yes/no option, whatever else it may be. */
bool conf_is_switch(const struct option_row *r);

#endif
