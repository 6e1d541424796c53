#include "http/auth.h"

#include "base/file.h"
#include "base/log.h"

#include <strings.h>

/* RFC 6750, 2.1: b64token. */
static bool is_token(struct span s) {
    static const char OTHERS[] = "-._~+/=";
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool alnum = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
        if (!alnum && !memchr(OTHERS, c, sizeof OTHERS - 1)) return false;
    }
    return true;
}

static const struct {
    const char *word;
    unsigned role, may;
} AUTH_ROLE[AUTH_ROLES] = {
#define ROLE(id, word, also) {word, AUTH_##id, AUTH_##id | (also)},
#include "http/role.def"
#undef ROLE
};

const char *auth_role_word(unsigned roles) {
    static const unsigned ORDER[] = {AUTH_ADMIN, AUTH_LABEL, AUTH_VIEW, AUTH_SHARE, AUTH_INGEST};
    for (size_t i = 0; i < sizeof ORDER / sizeof ORDER[0]; i++)
        for (unsigned k = 0; (roles & ORDER[i]) && k < AUTH_ROLES; k++)
            if (AUTH_ROLE[k].role == ORDER[i]) return AUTH_ROLE[k].word;
    return "nobody";
}

/* The name goes into logs and the list of who said what: one line each. */
static bool is_name(struct span s) {
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f) return false;
    return s.n > 0 && s.n <= AUTH_NAME_MAX;
}

/* Takes "ROLE:NAME:" off the line, where it has that: ':' is no character of a token. */
static bool take_role(struct span *line, struct auth_token *t, struct err *e) {
    *t = (struct auth_token){.own = AUTH_INGEST, .may = AUTH_INGEST | AUTH_SCRAPE};
    const char *end = memchr(line->p, ':', line->n);
    if (!end) return true;
    struct span word = span_sub(*line, 0, (size_t)(end - line->p));
    *line = span_sub(*line, word.n + 1, line->n);
    t->may = 0;
    for (unsigned i = 0; i < AUTH_ROLES; i++)
        if (AUTH_ROLE[i].word && span_eq(word, span_of(AUTH_ROLE[i].word)))
            t->own = (enum auth_role)AUTH_ROLE[i].role, t->may = AUTH_ROLE[i].may;
    if (!t->may)
        return err_set(e, ERR_INPUT, "role '%.*s': expected ingest, view, label, admin or share",
                       (int)(word.n < 20 ? word.n : 20), word.p);
    end = memchr(line->p, ':', line->n);
    t->name = end ? span_sub(*line, 0, (size_t)(end - line->p)) : (struct span){0};
    if (!is_name(t->name))
        return err_set(e, ERR_INPUT, "expected ROLE:NAME:TOKEN, with a name of 1 to %d bytes", AUTH_NAME_MAX);
    *line = span_sub(*line, t->name.n + 1, line->n);
    return true;
}

static bool add_token(struct auth *a, struct span line, struct err *e) {
    struct auth_token t;
    if (!take_role(&line, &t, e)) return false;
    if (line.n < AUTH_TOKEN_BYTES_MIN)
        return err_set(e, ERR_INPUT, "a token of %zu bytes: expected at least %d", line.n, AUTH_TOKEN_BYTES_MIN);
    if (!is_token(line)) return err_set(e, ERR_INPUT, "a token with other characters than A-Z a-z 0-9 - . _ ~ + / =");
    if (a->n == AUTH_TOKENS_MAX) return err_set(e, ERR_LIMIT, "more than %d tokens", AUTH_TOKENS_MAX);
    t.token = line;
    a->token[a->n++] = t;
    return true;
}

bool auth_open(struct auth *a, const char *path, struct err *e) {
    *a = (struct auth){0};
    if (!file_read(path, AUTH_FILE_BYTES_MAX, &a->file, e)) return false;
    struct span text = a->file;
    for (unsigned line_no = 1; text.n > 0; line_no++) {
        const char *nl = memchr(text.p, '\n', text.n);
        size_t n = nl ? (size_t)(nl - text.p) : text.n;
        struct span line = span_trim(span_sub(text, 0, n));
        text = span_sub(text, nl ? n + 1 : n, text.n);
        if (line.n == 0 || line.p[0] == '#') continue;
        if (!add_token(a, line, e)) {
            auth_close(a);
            return err_prefix(e, "%s:%u", path, line_no);
        }
    }
    if (a->n > 0) {
        if (file_is_open_to_others(path)) log_warn("token.open", "%s is open to others: chmod 640 it", path);
        return true;
    }
    auth_close(a);
    return err_set(e, ERR_INPUT, "%s: no token in it", path);
}

void auth_close(struct auth *a) {
    file_free(&a->file);
    *a = (struct auth){0};
}

/* Looks at every byte of `shown` whatever the token is. */
static unsigned differ(struct span token, struct span shown) {
    size_t diff = token.n ^ shown.n;
    for (size_t i = 0; i < shown.n; i++) diff |= (unsigned char)(token.p[i % token.n] ^ shown.p[i]);
    return diff != 0;
}

const struct auth_token *auth_find(const struct auth *a, struct span value) {
    static const char SCHEME[] = "bearer ";
    value = span_trim(value);
    if (value.n < sizeof SCHEME - 1 || strncasecmp(value.p, SCHEME, sizeof SCHEME - 1) != 0) return NULL;
    struct span shown = span_trim(span_sub(value, sizeof SCHEME - 1, value.n));
    unsigned found = 0; /* its number, from 1 on */
    for (unsigned i = 0; i < a->n; i++) found += (1 - differ(a->token[i].token, shown)) * (i + 1) * (found == 0);
    return found > 0 ? &a->token[found - 1] : NULL;
}
