/* pseudonym: user and host names in a template, and what is sent in their place. Masking has taken out those whose
 * place is sure; what is left are words that stand where names mostly stand, and what this machine and its people are
 * called. So some names are missed, and some words that are none are taken for one: that is for the user to choose.
 * Pure, but for pseudonym_open. */
#ifndef LLM_PSEUDONYM_H
#define LLM_PSEUDONYM_H

#include "base/buf.h"

#include <stddef.h>
#include <stdint.h>

enum { PSEUDONYM_OWN_MAX = 256, PSEUDONYM_NAME_MAX = 64 };

struct pseudonyms {
    uint64_t key;
    struct pseudonym_own {
        char name[PSEUDONYM_NAME_MAX];
        bool is_host;
    } own[PSEUDONYM_OWN_MAX]; /* names that are hidden wherever they stand */
    size_t own_n;
};

/* With the names of this machine: its own, and its accounts for people (passwd: the path of the list of accounts; those
 * of 1000 and above that have a shell). key: who knows it can find out by trying what a pseudonym stands for. */
void pseudonym_open(struct pseudonyms *p, const char *passwd, uint64_t key);

/* Marks users and hosts (enum redact_mark) among what mark[text.n] keeps so far. */
void pseudonym_scan(const struct pseudonyms *p, struct span text, unsigned char *mark);

/* Appends what stands for the name: "user-" or "host-" and 24 bits of its hash with the key, so that one name has one
 * pseudonym as long as the key stays. Case does not matter. */
void pseudonym_put(const struct pseudonyms *p, struct span name, bool is_host, struct buf *out);

#endif
