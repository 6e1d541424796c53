#include "http/auth.h"

#include "base/file.h"
#include "base/log.h"

#include <strings.h>
#include <sys/stat.h>

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

static bool add_token(struct auth *a, struct span line, struct err *e) {
    if (line.n < AUTH_TOKEN_BYTES_MIN)
        return err_set(e, ERR_INPUT, "a token of %zu bytes: expected at least %d", line.n, AUTH_TOKEN_BYTES_MIN);
    if (!is_token(line)) return err_set(e, ERR_INPUT, "a token with other characters than A-Z a-z 0-9 - . _ ~ + / =");
    if (a->n == AUTH_TOKENS_MAX) return err_set(e, ERR_LIMIT, "more than %d tokens", AUTH_TOKENS_MAX);
    a->token[a->n++] = line;
    return true;
}

static void warn_if_others_read(const char *path) {
    struct stat st;
    if (stat(path, &st) == 0 && (st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        log_warn("token.open", "%s can be read by others: chmod 600 it", path);
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
        warn_if_others_read(path);
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

bool auth_check(const struct auth *a, struct span value) {
    static const char SCHEME[] = "bearer ";
    value = span_trim(value);
    if (value.n < sizeof SCHEME - 1 || strncasecmp(value.p, SCHEME, sizeof SCHEME - 1) != 0) return false;
    struct span shown = span_trim(span_sub(value, sizeof SCHEME - 1, value.n));
    unsigned wrong = 0;
    for (unsigned i = 0; i < a->n; i++) wrong += differ(a->token[i], shown);
    return wrong < a->n;
}
