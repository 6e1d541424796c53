/* about: what decides, in a line for people: nothing happens behind their back. */
#ifndef APP_ABOUT_H
#define APP_ABOUT_H

#include "app/classifier.h"

/* "6 rules; encoder all-MiniLM-L6-v2 (avx2), head data/head.json; no LLM" */
void about_write(struct buf *out, const struct classifier *c, const struct conf *conf);

/* The head's path into out[PATH_MAX]: as named, retrained here (where that counts), or shipped. */
void about_head_path(const struct conf *conf, bool learnt, char *out);

/* The LLM that is asked about what is left, where there is one: "…, model m, key from ./.env, no budget"; else "". */
void about_llm(struct buf *out, const struct classifier *c, const struct conf *conf);

#endif
