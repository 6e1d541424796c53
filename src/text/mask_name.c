/* mask_name: names that are values: of hosts, users and devices. A name looks like a word, so its place must tell: the
 * key before it (user=, "host":), the words around it (for user X from), the head of a syslog line, a domain at its
 * end.
 */
#include "text/mask_match.h"

typedef char name_word[MASK_WORD_BYTES];

static const name_word USER_KEY[] = {"user",    "username", "usr",  "ruser",   "login",
                                     "logname", "uname",    "acct", "principa"};
static const name_word HOST_KEY[] = {"host", "rhost", "hostname", "fqdn", "node", "nodename", "machine", "computer"};
static const name_word ID_KEY[] = {"id",      "uuid",  "guid", "sid",  "token", "hash",  "digest", "etag", "cookie",
                                   "session", "trace", "span", "txid", "xid",   "nonce", "serial", "sha",  "uid"};

/* What a key may say instead of a name. */
static const name_word NOT_A_NAME[] = {"null", "nil", "none", "unknown", "true", "false", "empty", "n"};

/* "… user NAME" and "… for NAME" behind these. */
static const name_word BEFORE_USER[] = {"invalid", "illegal", "unknown", "for", "by", "of", "as"};
static const name_word FOR = "for";
static const name_word BEFORE_FOR[] = {"password", "publicke", "hostbase", "pam", "failures", "failure"};

/* Behind "for user" these go on with the sentence. */
static const name_word NOT_A_USER[] = {
    "access",   "account",  "accounts", "action",  "actions",  "activity", "agent",    "approval", "authenti",
    "authoriz", "confirma", "creation", "data",    "defined",  "deletion", "group",    "groups",   "home",
    "id",       "info",     "informat", "input",   "interact", "interfac", "is",       "login",    "logins",
    "logout",   "lookup",   "managem",  "mapping", "mode",     "name",     "names",    "not",      "password",
    "permissi", "preferen", "process",  "profile", "profiles", "records",  "registra", "request",  "requests",
    "response", "review",   "role",     "roles",   "service",  "services", "session",  "sessions", "settings",
    "space",    "store",    "sync",     "table",   "tables",   "to",       "token",    "tokens",   "updates",
    "was",      "who",      "with",     "without",
};

/* And behind a user's name the line ends or goes on with one of these. */
static const name_word AFTER_USER[] = {"by",   "from", "on",  "at",    "via",    "using",
                                       "port", "in",   "due", "after", "because"};

/* Levels, which stand where a syslog line has its host. */
static const name_word LEVEL_WORD[] = {"trace", "debug",    "info",  "notice", "warn",  "warning", "err",  "error",
                                       "crit",  "critical", "alert", "emerg",  "fatal", "severe",  "fine", "panic"};

/* Ends of domain names. Those of two letters count behind three labels or more; what is also the extension of files is
 * left out. */
static const name_word DOMAIN_END[] = {"com",  "net",    "org",   "edu",   "gov",    "mil",      "info",
                                       "biz",  "arpa",   "local", "lan",   "intern", "internal", "localdom",
                                       "corp", "intra",  "home",  "cloud", "test",   "example",  "invalid",
                                       "svc",  "consul", "onion", "name"};
static const char COUNTRY[] =
    "aratauazbebgbrbycachclcncocrczdedkeeeseufifrgbgrhkhrhuidieilinirisitjpkekrltlulvmamxmyngnlnonzpephpkplptro"
    "ruseskthtrtwuaukusuyvnzaioaitvme";

/* First labels of names that code has for its parts: com.example.Main is no host. */
static const name_word PACKAGE[] = {"com", "org", "net", "edu", "gov", "io", "java", "javax", "android", "sun", "de"};

/* Whether the letters [from, to) of line are a word of the table. */
#define NAME_IN(table, line, from, to) name_in(table, sizeof(table) / sizeof(table)[0], mask_word_key(line, from, to))

/* The bits of a table's words: a constant to the compiler, which unrolls the loop. */
static inline __attribute__((always_inline)) uint64_t name_bits(const name_word *table, size_t n) {
    uint64_t bits = 0;
    _Pragma("GCC unroll 128") for (size_t i = 0; i < n; i++) bits |= mask_word_bit(mask_table_word(table[i]));
    return bits;
}

static bool name_search(const name_word *table, size_t n, uint64_t word) {
    for (size_t i = 0; i < n; i++)
        if (mask_table_word(table[i]) == word) return true;
    return false;
}

static inline __attribute__((always_inline)) bool name_in(const name_word *table, size_t n, uint64_t word) {
    return name_bits(table, n) & mask_word_bit(word) && name_search(table, n, word);
}

/* ---- the key before a name ---- */

static bool is_quote(char c) {
    return c == '"' || c == '\'' || c == '`';
}

/* Without a quote that ends at `to`, and without the backslash that JSON in JSON has before it. */
static size_t without_quote(struct span line, size_t to) {
    if (to == 0 || !is_quote(line.p[to - 1])) return to;
    return to > 1 && line.p[to - 2] == '\\' ? to - 2 : to - 1;
}

static size_t without_blanks(struct span line, size_t to) {
    enum { BLANKS_MAX = 2 };
    for (size_t i = 0; i < BLANKS_MAX && to > 0 && line.p[to - 1] == ' '; i++) to--;
    return to;
}

/* The end of the key whose value begins at `at`: key=value, key = value, key="value", "key": "value", key 'value'.
 * 0: there is none. */
static size_t key_end(struct span line, size_t at) {
    size_t quote = without_quote(line, at), to = without_blanks(line, quote);
    bool quoted = quote < at, blank = to < quote;
    bool equals = to > 0 && (line.p[to - 1] == '=' || (quoted && line.p[to - 1] == ':'));
    if (!equals) return quoted && blank ? to : 0;
    return without_quote(line, without_blanks(line, to - 1));
}

/* The last part of a key: user_id, userId, user.id, USER_ID all end with "id". */
static size_t key_begin(struct span line, size_t to) {
    size_t from = mask_letters_before(line, to), part = to;
    while (part > from && (mask_class[(unsigned char)line.p[part - 1]] & C_LOWER)) part--;
    if (part == to) return from;
    return part > from ? part - 1 : from;
}

/* The end of the chunk that begins at `at`, without the punctuation that is the sentence's. */
static size_t bare_chunk_end(struct span line, size_t at) {
    size_t to = at;
    while (to < line.n && !(mask_class_at(line, to) & C_BREAK)) to++;
    while (to > at && strchr(".:!?", line.p[to - 1])) to--;
    return to;
}

/* The end of a value: at its quote where one stands before it, else with its chunk. */
static size_t value_end(struct span line, size_t at) {
    enum { QUOTED_MAX = 64 };
    char quote = line.p[at - 1];
    if (!is_quote(quote)) return bare_chunk_end(line, at);
    bool escaped = at > 1 && line.p[at - 2] == '\\';
    size_t to = at;
    while (to < line.n && to - at < QUOTED_MAX && line.p[to] != quote) to++;
    if (mask_char_at(line, to) != quote || to == at) return at;
    return escaped && line.p[to - 1] == '\\' ? to - 1 : to;
}

static bool has_class(struct span line, size_t at, size_t to, unsigned classes) {
    for (; at < to; at++)
        if (mask_class_at(line, at) & classes) return true;
    return false;
}

size_t mask_keyed(struct span line, size_t at, enum mask_name *what) {
    size_t key = key_end(line, at), from = key > 0 ? key_begin(line, key) : 0;
    if (key == 0 || from == key) return at;
    if (NAME_IN(USER_KEY, line, from, key))
        *what = NAME_USER;
    else if (NAME_IN(HOST_KEY, line, from, key))
        *what = NAME_HOST;
    else if (NAME_IN(ID_KEY, line, from, key))
        *what = NAME_ID;
    else
        return at;
    size_t to = value_end(line, at);
    bool letters = has_class(line, at, to, C_LETTER), digits = has_class(line, at, to, C_DIGIT);
    if (!letters || (*what == NAME_ID && (!digits || has_class(line, at, to, C_SPACE)))) return at;
    return NAME_IN(NOT_A_NAME, line, at, to) ? at : to;
}

/* ---- the words around a user's name ---- */

/* The word that ends before the blank at `to` - 1: where it begins, or `to`: there is none. */
static size_t word_before(struct span line, size_t to, size_t *end) {
    if (to < 2 || line.p[to - 1] != ' ') return to;
    *end = to - 1;
    size_t from = mask_letters_before(line, *end);
    return from == *end ? to : from;
}

static bool user_may_end(struct span line, size_t to) {
    size_t word = to + 1, end = mask_run(line, word, C_LETTER);
    if (mask_run(line, to, C_SPACE) == line.n) return true;
    if (line.p[to] != ' ') return strchr(",;:)!.", line.p[to]) != NULL;
    if (word >= line.n || strchr("([", line.p[word])) return true;
    return end > word && !(mask_class_at(line, end) & C_ALNUM) && NAME_IN(AFTER_USER, line, word, end);
}

size_t mask_user(struct span line, size_t at) {
    size_t end = 0, more = 0, last = word_before(line, at, &end);
    if (last == at || end - last < 3 || end - last > 4) return at;
    uint64_t word = mask_word_key(line, last, end);
    bool user = word == mask_table_word(USER_KEY[0]);
    if (!user && word != mask_table_word(FOR)) return at;
    size_t before = word_before(line, last, &more);
    if (before == last) return at;
    if (user ? !NAME_IN(BEFORE_USER, line, before, more) : !NAME_IN(BEFORE_FOR, line, before, more)) return at;
    size_t to = bare_chunk_end(line, at);
    if (to == at || !(mask_class_at(line, at) & C_ALNUM) || !user_may_end(line, to)) return at;
    return NAME_IN(NOT_A_USER, line, at, to) ? at : to;
}

/* ---- hosts ---- */

/* The program behind a syslog line's host: sshd[99]: or, where the time is of syslog's own form, kernel: and names of
 * several words before a pid. */
static bool is_tag(struct span line, size_t at, bool bsd_time) {
    enum { TAG_MAX = 48 };
    size_t to = at;
    bool blank = false;
    for (; to < line.n && to - at < TAG_MAX; to++) {
        blank |= line.p[to] == ' ';
        if (line.p[to] == ' ' && !bsd_time) return false;
        if (!(mask_class_at(line, to) & (C_ALNUM | C_DASH | C_DOT | C_SLASH)) && !strchr("_()@ ", line.p[to])) break;
    }
    if (to == at || !(mask_class_at(line, at) & (C_LETTER | C_SLASH))) return false;
    bool pid = mask_char_at(line, to) == '[', needs_pid = blank || !bsd_time;
    if (pid) {
        size_t digits = mask_run(line, to + 1, C_DIGIT);
        if (digits == to + 1 || mask_char_at(line, digits) != ']') return false;
        to = digits + 1;
    }
    return mask_char_at(line, to) == ':' && (pid || !needs_pid);
}

size_t mask_syslog_host(struct span line, size_t at, bool bsd_time) {
    size_t to = at;
    while ((mask_class_at(line, to) & (C_ALNUM | C_DASH | C_DOT)) || mask_char_at(line, to) == '_') to++;
    if (to == at || mask_char_at(line, to) != ' ' || NAME_IN(LEVEL_WORD, line, at, to)) return at;
    return is_tag(line, to + 1, bsd_time) ? to : at;
}

static bool is_country(struct span line, size_t at) {
    for (size_t i = 0; i + 2 < sizeof COUNTRY; i += 2)
        if (COUNTRY[i] == line.p[at] && COUNTRY[i + 1] == line.p[at + 1]) return true;
    return false;
}

size_t mask_host(struct span line, size_t at, size_t end) {
    if (at > 0 && ((mask_class_at(line, at - 1) & (C_ALNUM | C_DOT | C_DASH)) || line.p[at - 1] == '_')) return at;
    size_t to = at, labels = 1, first = 0, last = at;
    while (to < end && ((mask_class_at(line, to) & (C_ALNUM | C_DASH | C_DOT)) || line.p[to] == '_')) {
        if (line.p[to] == '.') {
            if (!(mask_class_at(line, to + 1) & C_ALNUM)) break;
            if (labels == 1) first = to;
            labels++;
            last = to + 1;
        }
        to++;
    }
    if (labels < 2 || mask_run(line, last, C_LOWER) != to || to - last < 2) return at;
    if (NAME_IN(PACKAGE, line, at, first)) return at;
    bool known = to - last == 2 ? labels >= 3 && is_country(line, last) : NAME_IN(DOMAIN_END, line, last, to);
    if (!known || (to < line.n && strchr("(/\\", line.p[to]))) return at;
    if (mask_char_at(line, to) == ':') {
        size_t port = mask_run(line, to + 1, C_DIGIT);
        if (port > to + 1 && port <= to + 6 && !(mask_class_at(line, port) & C_ALNUM)) return port;
    }
    return to;
}

/* ---- devices ---- */

/* sda, sdb1, xvdf, vdc2, hdb: a disk's letters are counted like digits. sdk, sdn, vdi and hdr are words: without a
 * partition's number the letter must be from the front of the alphabet. */
size_t mask_disk(struct span line, size_t at, size_t end) {
    bool xen = line.p[at] == 'x';
    size_t kind = at + xen, letter = kind + 2, digits = letter + 1;
    if (end < digits || end > digits + 2 || line.p[kind + 1] != 'd' || !(mask_class_at(line, letter) & C_LOWER))
        return at;
    char c = line.p[kind];
    if (xen ? c != 'v' : (c != 's' && c != 'v' && c != 'h')) return at;
    if (end == digits) return xen || line.p[letter] <= (c == 'h' ? 'b' : 'h') ? letter : at;
    return mask_run(line, digits, C_DIGIT) == end ? letter : at;
}
