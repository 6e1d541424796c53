#include "api/alerts.h"

#include "api/json_put.h"

void alerts_put(struct buf *out, const struct news *n) {
    const char *before = "{";
    buf_puts(out, ",\"alerts\":[");
    for (unsigned i = 0; i < NEWS_ALARMS; i++) {
        char text[NEWS_TEXT_MAX];
        news_alarm(n, i, text);
        if (!text[0]) continue;
        buf_printf(out, "%s\"id\":\"%s\"", before, news_alarm_name[i]);
        json_put_member(out, "text", span_of(text));
        buf_putc(out, '}');
        before = ",{";
    }
    buf_putc(out, ']');
}

void alerts_put_warmup(struct buf *out, const struct news *n) {
    if (n->drift.warm)
        buf_puts(out, ",\"warmup\":null");
    else
        buf_printf(out, ",\"warmup\":{\"known_share\":%.4g,\"needed\":%.4g,\"lines\":%d}", 1 - n->unseen,
                   1 - DRIFT_WARM_UNSEEN, DRIFT_WARM_LINES);
}
