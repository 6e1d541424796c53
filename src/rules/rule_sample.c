#include "rules/rule_sample.h"

static const struct {
    const char *text, *value;
} SAMPLES[] = {
#define MASK(id, text, meaning) {text, SAMPLE_##id},
#define SAMPLE_TIME             "2026-01-02T03:04:05Z"
#define SAMPLE_NUM              "7"
#define SAMPLE_ID               "9f86d081884c7d65"
#define SAMPLE_IP               "10.0.0.7"
#define SAMPLE_MAC              "00:1b:21:ab:cd:ef"
#define SAMPLE_VER              "1.22.3"
#define SAMPLE_PATH             "/var/lib/app/file"
#define SAMPLE_URL              "https://host.example/path"
#define SAMPLE_EMAIL            "user@host.example"
#define SAMPLE_HOST             "host.example"
#define SAMPLE_USER             "alice"
#include "text/mask.def"
#undef MASK
};

void rule_sample(struct span template, struct buf *out) {
    while (template.n > 0) {
        size_t i = 0, n = 1;
        while (i < sizeof SAMPLES / sizeof SAMPLES[0] && !span_starts(template, span_of(SAMPLES[i].text))) i++;
        if (i < sizeof SAMPLES / sizeof SAMPLES[0]) {
            buf_puts(out, SAMPLES[i].value);
            n = strlen(SAMPLES[i].text);
        } else {
            buf_putc(out, template.p[0]);
        }
        template = span_sub(template, n, template.n);
    }
}
