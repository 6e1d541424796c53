/* Any bytes: repaired text is valid and has the same ids, which keep to the vocabulary and the limit. */
#include "base/must.h"
#include "text/utf8.h"
#include "text/wordpiece.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    static struct wordpiece *w;
    static struct err e;
    if (!w) w = wordpiece_open("models/all-MiniLM-L6-v2", &e);
    MUST(w);
    struct span text = {(const char *)data, n};
    char *repaired = malloc(3 * n + 1);
    MUST(repaired);
    size_t valid = utf8_repair(text, repaired);
    MUST(utf8_valid((struct span){repaired, valid}) == valid);
    uint32_t ids[64], again[64];
    size_t got = wordpiece_encode(w, text, ids, 64);
    MUST(got >= 2 && got <= 64);
    for (size_t i = 0; i < got; i++) MUST(ids[i] < wordpiece_vocab_size(w));
    MUST(wordpiece_encode(w, (struct span){repaired, valid}, again, 64) == got);
    MUST(memcmp(ids, again, got * sizeof *ids) == 0);
    free(repaired);
    return 0;
}
