#include "data/result_json.h"

#include "base/json_out.h"
#include "base/must.h"

#include <math.h>
#include <stdio.h>

/* Fixed-point text of k / 10000 without trailing zeros. */
static size_t fixed4(char *to, unsigned k) {
    if (k >= 10000) {
        to[0] = '1';
        return 1;
    }
    to[0] = '0', to[1] = '.';
    for (size_t i = 5; i >= 2; i--, k /= 10) to[i] = (char)('0' + k % 10);
    size_t n = 6;
    while (to[n - 1] == '0') n--;
    return n > 2 ? n : 1;
}

/* Tries 1..17 significant digits: 17 always read back (IEEE 754). */
static size_t shortest(char *to, size_t size, double v) {
    int digits = 1;
    for (; digits < 17; digits++) {
        snprintf(to, size, "%.*e", digits - 1, v);
        if (strtod(to, NULL) == v) break;
    }
    double magnitude = fabs(v);
    if (magnitude < 1e-6 || magnitude >= 1e15) return (size_t)snprintf(to, size, "%.*e", digits - 1, v);
    snprintf(to, size, "%.*e", digits - 1, v);
    int exponent = (int)strtol(strchr(to, 'e') + 1, NULL, 10), decimals = digits - 1 - exponent;
    return (size_t)snprintf(to, size, "%.*f", decimals > 0 ? decimals : 0, v);
}

/* Our own confidences have at most four decimals. When v is the double nearest to k/10000, that decimal reads back as
 * v, and no shorter one does: decimals of at most 15 digits have doubles of their own. */
void result_json_number(struct buf *out, double v) {
    MUST(isfinite(v));
    char text[48];
    double k = rint(v * 10000);
    bool plain = v >= 0 && v <= 1 && !signbit(v) && k / 10000 == v;
    buf_put(out, text, plain ? fixed4(text, (unsigned)k) : shortest(text, sizeof text, v));
}

enum { FIXED_PARTS_MAX = 128 }; /* of an object: everything but the label's id and name */

static char *result_json_append(char *to, const char *s, size_t n) {
    memcpy(to, s, n);
    return to + n;
}

#define APPEND_LIT(to, s) result_json_append(to, s, sizeof(s) - 1)

/* Ids and stage names need no escapes (label.h); one reservation covers all but the name. */
void result_json_members(struct buf *out, const struct label_set *labels, const struct result *r) {
    MUST(r->label < labels->n);
    const struct label *l = &labels->label[r->label];
    const char *source = decider_name(r->decider);
    char *to = buf_reserve(out, LABEL_ID_MAX + FIXED_PARTS_MAX);
    if (!to) return;
    to = APPEND_LIT(to, "\"label_id\":\"");
    to = result_json_append(to, l->id, strlen(l->id));
    to = APPEND_LIT(to, "\",\"label\":");
    out->n = (size_t)(to - out->p);
    json_out_string(out, span_of(l->name));
    to = buf_reserve(out, FIXED_PARTS_MAX);
    if (!to) return;
    to = APPEND_LIT(to, ",\"source\":\"");
    to = result_json_append(to, source, strlen(source));
    to = APPEND_LIT(to, "\",\"confidence\":");
    out->n = (size_t)(to - out->p);
    result_json_number(out, r->confidence);
}

void result_json(struct buf *out, const struct label_set *labels, const struct result *r) {
    buf_putc(out, '{');
    result_json_members(out, labels, r);
    buf_putc(out, '}');
}
