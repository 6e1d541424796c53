#include "rules/placeholder.h"

#include <stddef.h>

/* A chunk of a line as masking cuts it, and one without the punctuation at its end that is the sentence's. */
#define NO_BREAK "\\s\"'`(){}<>\\[\\],;|="
#define CHUNK    "[^" NO_BREAK "]*[^" NO_BREAK ".:!?]"

/* One with a digit, or a hash without. */
#define DIGIT_IN_CHUNK "[^" NO_BREAK "]*\\d(?:" CHUNK ")?|[a-f]{8,}"

/* What a path or URL may hold. */
#define IN_PATH "[^\\s\"'`<>()\\[\\]{}|;,]"

/* Dates and clocks (text/mask_time.c). Some dates count only with a clock behind them. */
#define DAY_AND_MONTH "(?:[a-z]{3},? +)?(?:[a-z]{3} +\\d\\d?|\\d\\d? +[a-z]{3})"
#define WHOLE_DATE    "\\d{1,4}[/.-]\\d\\d?[/.-]\\d{1,4}|\\d\\d?[/-][a-z]{3}[/-]\\d{4}|" DAY_AND_MONTH ",? +\\d{4}"
#define ANY_DATE      WHOLE_DATE "|" DAY_AND_MONTH "|\\d\\d[/.-]\\d\\d|\\d{8}|\\d{4}"
#define CLOCK         "\\d\\d?:\\d\\d(?::\\d\\d(?:[.,:]\\d+)?)?"
#define CLOCK_BEHIND  "\\d\\d?[:.]?\\d\\d(?:[:.]?\\d\\d(?:[.,:]\\d+)?)?"
#define ZONE          "(?: ?(?:z|utc|gmt|[a-z]{1,2}[esd]t|msk|[ap]m|[+-]\\d\\d:?(?:\\d\\d)?))?"
#define TIME          "(?:(?:" ANY_DATE ")[ t_:-] ?" CLOCK_BEHIND "|" CLOCK ")" ZONE "(?: +\\d{4})?|" WHOLE_DATE

#define DECIMAL "\\d+(?:,\\d\\d\\d)*(?:\\.\\d+)?"
/* "#" that stands in a line stays in its template. */
#define NUMBER "#|[-+]?(?:0x[\\da-f]+|" DECIMAL "(?:e[-+]?\\d+)?(?:(?:[hmswd]|[mu]s|min)" DECIMAL ")*)"
#define IP4    "\\d{1,3}(?:\\.\\d{1,3}){3}(?::\\d{1,5}|/\\d\\d?)?"
#define IP6    "[\\da-f]*:[\\da-f:]*:[\\da-f:.]*(?:%\\w+)?(?:/\\d{1,3})?"
#define MAC    "[\\da-f]{2}(?:[:-][\\da-f]{2}){5}|[\\da-f]{4}(?:\\.[\\da-f]{4}){2}"

/* What masking passes over between values that it takes for a list (text/mask.c: only_separator). Any two words would
 * be a list of names. */
#define BETWEEN       "(?:[,;]?[,;]?\\s*|[:/.|#*x+_~-][:/.|#*x+_~-]?)"
#define BETWEEN_NAMES "[,;]\\s*"

/* PLACEHOLDER_ID: pattern, what stands between those of a list, whether keys tell it, sample. A row of mask.def without
 * one here does not compile. */
#define PLACEHOLDER_TIME TIME, NULL, false, "2026-01-02T03:04:05Z"
#define PLACEHOLDER_NUM  NUMBER, BETWEEN, false, "7"
#define PLACEHOLDER_ID   DIGIT_IN_CHUNK, BETWEEN, true, "9f86d081884c7d65"
#define PLACEHOLDER_IP   IP4 "|" IP6, BETWEEN, false, "10.0.0.7"
#define PLACEHOLDER_MAC  MAC, BETWEEN, false, "00:1b:21:ab:cd:ef"
#define PLACEHOLDER_VER  "(?:v\\d+\\.\\d|\\d+\\.\\d+\\.\\d)(?:[.+~_-]?[a-z\\d]+)*", BETWEEN, false, "1.22.3"
#define PLACEHOLDER_PATH \
    IN_PATH "*[/\\\\]" IN_PATH "*(?: [\\w .()-]+\\\\" IN_PATH "*)*", BETWEEN, false, "/var/lib/app/file"
#define PLACEHOLDER_URL   "[\\w+.-]+://(?:\\[[\\da-f:/]+|" IN_PATH "+)", BETWEEN, false, "https://host.example/path"
#define PLACEHOLDER_EMAIL "[\\w.%+\\x80-\\xff-]+@[\\w.\\x80-\\xff-]+", BETWEEN, false, "user@host.example"
#define PLACEHOLDER_HOST  CHUNK, BETWEEN_NAMES, true, "host.example"
#define PLACEHOLDER_USER  CHUNK, BETWEEN_NAMES, true, "alice"

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
