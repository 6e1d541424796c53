#include "rules/placeholder.h"

#include <stddef.h>

/* PLACEHOLDER_ID: pattern, sample. A row of mask.def without one here does not compile. */
#define PLACEHOLDER_TIME  "\\S+", "2026-01-02T03:04:05Z"
#define PLACEHOLDER_NUM   "[-+]?\\d[\\d.,]*", "7"
#define PLACEHOLDER_ID    "[\\w-]+", "9f86d081884c7d65"
#define PLACEHOLDER_IP    "[0-9a-fA-F.:]+(?:[/:]\\d+)?", "10.0.0.7"
#define PLACEHOLDER_MAC   "[0-9a-fA-F:-]+", "00:1b:21:ab:cd:ef"
#define PLACEHOLDER_VER   "[\\w.-]+", "1.22.3"
#define PLACEHOLDER_PATH  "\\S+", "/var/lib/app/file"
#define PLACEHOLDER_URL   "\\S+", "https://host.example/path"
#define PLACEHOLDER_EMAIL "\\S+", "user@host.example"
#define PLACEHOLDER_HOST  "[\\w.-]+", "host.example"
#define PLACEHOLDER_USER  "\\S+", "alice"

static const struct placeholder PLACEHOLDERS[] = {
#define MASK(id, text, meaning) {text, PLACEHOLDER_##id},
#include "text/mask.def"
#undef MASK
};

const struct placeholder *placeholder_at(struct span s) {
    for (size_t i = 0; i < sizeof PLACEHOLDERS / sizeof PLACEHOLDERS[0]; i++)
        if (span_starts(s, span_of(PLACEHOLDERS[i].text))) return &PLACEHOLDERS[i];
    return NULL;
}
