#include "api/params.h"

#include "http/exchange.h"
#include "http/query.h"

static int params_hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    char low = (char)(c | 0x20);
    return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

size_t params_decode(struct span value, char *to) {
    size_t n = 0;
    for (size_t i = 0; i < value.n; i++) {
        char c = value.p[i];
        if (c == '%') {
            if (value.n - i < 3) return SIZE_MAX;
            int high = params_hex_digit(value.p[i + 1]), low = params_hex_digit(value.p[i + 2]);
            if (high < 0 || low < 0) return SIZE_MAX;
            c = (char)(16 * high + low);
            i += 2;
        } else if (c == '+') {
            c = ' ';
        }
        to[n++] = c;
    }
    return n;
}

static bool param_take(struct exchange *x, struct param *p, struct span value) {
    char *text = arena_alloc(&x->arena, value.n + 1);
    if (!text) return exchange_refuse(x, REFUSE_BODY_MEMORY, "no memory for the query");
    size_t n = params_decode(value, text);
    if (n == SIZE_MAX) return exchange_refuse(x, REFUSE_MALFORMED, "query: %s is not percent-encoded", p->name);
    p->value = (struct span){text, n};
    return true;
}

bool params_read(struct exchange *x, struct param *table, unsigned n) {
    struct span rest = x->req.query, name, value;
    while (query_next(&rest, &name, &value)) {
        struct param *found = NULL;
        for (unsigned i = 0; i < n; i++)
            if (span_eq(name, span_of(table[i].name))) found = &table[i];
        if (!found)
            return exchange_refuse(x, REFUSE_MALFORMED, "query: unknown word '%.*s'", (int)(name.n < 60 ? name.n : 60),
                                   name.p);
        if (!param_take(x, found, value)) return false;
    }
    return true;
}

bool params_number(struct exchange *x, const struct param *p, uint64_t min, uint64_t max, uint64_t none,
                   uint64_t *out) {
    uint64_t n = 0;
    bool ok = p->value.n <= 18;
    *out = none;
    if (p->value.n == 0) return true;
    for (size_t i = 0; ok && i < p->value.n; i++) {
        ok = p->value.p[i] >= '0' && p->value.p[i] <= '9';
        n = 10 * n + (uint64_t)(p->value.p[i] - '0');
    }
    *out = n;
    return (ok && n >= min && n <= max) ||
           exchange_refuse(x, REFUSE_MALFORMED, "query: %s is '%.*s'; expected a number from %llu to %llu", p->name,
                           (int)(p->value.n < 40 ? p->value.n : 40), p->value.p, (unsigned long long)min,
                           (unsigned long long)max);
}

bool params_id(struct span text, uint64_t *id) {
    *id = 0;
    if (text.n != 16) return false;
    for (size_t i = 0; i < text.n; i++) {
        int d = params_hex_digit(text.p[i]);
        if (d < 0) return false;
        *id = *id << 4 | (uint64_t)d;
    }
    return true;
}
