/* handlers: what route.def names. When a handler is run: http/route.h. */
#ifndef API_HANDLERS_H
#define API_HANDLERS_H

#include "http/route.h"

route_run api_classify;
route_run api_question; /* the described services' wire: one message, one label */
route_run api_otlp;
route_run api_loki;
route_run api_root;
route_run api_health;
route_run api_metrics;
route_run api_livez;
route_run api_readyz;
route_run api_openapi;
route_run api_session;
route_run api_rules;
route_run api_rules_suggest;
route_run api_rules_preview;
route_run api_rules_save;
route_run api_rules_undo;
route_run api_learn;
route_run api_learn_start;
route_run api_learn_stop;
route_run api_heads;
route_run api_heads_use;
route_run api_heads_compare;
route_run api_cost;
route_run api_page;       /* the files of the page */
route_run api_page_alias; /* /ui leads to /ui/ */
route_run api_pulse;
route_run api_page_health;
route_run api_drift;
route_run api_overview;
route_run api_explain;
route_run api_kinds;
route_run api_kind;
route_run api_review;
route_run api_corrections;
route_run api_corrections_export;
route_run api_corrections_post;
route_run api_corrections_undo;
route_run api_kinds_state;
route_run api_share_words;
route_run api_share_words_post;
route_run api_share_kinds;
route_run api_share_rules;
route_run api_share_head;

#endif
