#include "text/mask.h"

#include "base/check.h"
#include "base/file.h"
#include "text/mask_map.h"
#include "text/mask_match.h"

#include <stdint.h>

static const struct {
    const char *line, *template;
} CASE[] = {
    /* words stay, values go */
    {"", ""},
    {"   \t ", ""},
    {"User admin logged in.", "User admin logged in."},
    {"  two   blanks\tand a tab ", "two blanks and a tab"},
    {"Account with ID 5351 created by alice", "Account with ID # created by alice"},
    {"disk usage 93% on 4 volumes", "disk usage #% on # volumes"},
    {"total 1,234,567 rows, ratio 0.25, drift -3.5e-10", "total # rows, ratio #, drift #"},
    {"offset=-15 delta:+7", "offset=# delta:#"},
    {"took 12ms, sent 1.5GB in 1h30m", "took #ms, sent #GB in #m"},
    {"ports 80, 443, 8080 open", "ports # open"},
    {"lines 10-20", "lines #"},
    {"na\xc3\xafve caf\xc3\xa9 42", "na\xc3\xafve caf\xc3\xa9 #"},
    {"said \"order 66\" and 'plan 9'", "said \"order #\" and 'plan #'"},
    {"\033[31mERROR\033[0m boom", "ERROR boom"},

    /* zero is not some */
    {"0 errors", "0 errors"},
    {"7 errors", "# errors"},
    {"failed=0 ok=12", "failed=0 ok=#"},
    {"took 0 ms", "took # ms"},
    {"load 0.00", "load #"},
    {"0/3 nodes are available", "0/# nodes are available"},
    {"worker-0 up", "worker-# up"},

    /* times */
    {"2015-10-18 18:01:47,978 INFO", "<time> INFO"},
    {"2023-01-15T10:15:30.123Z started", "<time> started"},
    {"2023-01-15 10:15:30+02:00 started", "<time> started"},
    {"2023-01-15 10:15:30.123 UTC [417] LOG: ready", "<time> [#] LOG: ready"},
    {"20230115T101530Z done", "<time> done"},
    {"20171223-22:15:29:606|Step", "<time>|Step"},
    {"Jun 14 15:16:01 combo sshd[99]: x", "<time> <host> sshd[#]: x"},
    {"Jan  4 05:06:07 host su: x", "<time> <host> su: x"},
    {"[Sun Dec 04 04:47:44 2005] [error] x", "[<time>] [error] x"},
    {"Sun, 04 Dec 2005 04:47:44 GMT x", "<time> x"},
    {"Nov 20, 2023 12:34:56 PM x", "<time> x"},
    {"[10/Oct/2000:13:55:36 -0700] x", "[<time>] x"},
    {"03-17 16:13:38.811  1702  2395 D Tag: x", "<time> # D Tag: x"},
    {"17/06/09 20:10:40 INFO x", "<time> INFO x"},
    {"2005-06-03-15.42.50.363779 R02", "<time> R#"},
    {"due 2024-02-29.", "due <time>."},
    {"due 31.12.2024", "due <time>"},
    {"at 12:34", "at <time>"},
    {"score 3:1", "score #"},
    {"I0115 12:34:56.789012 1234 server.go:88] up", "I<time> # server.go:#] up"},
    {"May 12 users", "May # users"},

    /* addresses */
    {"from 10.0.0.1:5432 to 192.168.1.0/24", "from <ip> to <ip>"},
    {"from 300.1.1.1", "from <version>"},
    {"peer fe80::1ff:fe23:4567:890a%eth2", "peer <ip>"},
    {"listen [::1]:8080, ::, 2001:db8::8a2e:370:7334", "listen [<ip>]:#, ::, <ip>"},
    {"std::vector and a::b", "std::vector and a::b"},
    {"mapped ::ffff:10.0.0.1", "mapped <ip>"},
    {"mac 00:1b:44:11:3a:b7 or 00-1B-44-11-3A-B7 or 001b.4411.3ab7", "mac <mac> or <mac>"},
    {"key 16:27:ac:a5:76:28:2d:36:63:1b:56:4d:eb:df:a6:48", "key <id>"},
    {"mail to jane.doe+x@mail.example.org now", "mail to <email> now"},
    {"root@db01 logged in", "root@db# logged in"},

    /* ids */
    {"req 123e4567-e89b-12d3-a456-426614174000 done", "req <id> done"},
    {"commit 7f3a9c2 by deadbeef1", "commit <id> by <id>"},
    {"at 0x7fff5fbff8c0, 0x10", "at #"},
    {"blk_-160899968791986290 and blk_38865049", "blk_# and blk_#"},
    {"pod nginx-7fb96c846b-x2k4z ready", "pod nginx-<id> ready"},
    {"token eyJhbGciOiJIUzI1NiIsInR5.eyJzdWIiOiIxMjM0NTY3ODkwIn0 bad", "token <id> bad"},
    {"node dn228 lost", "node dn# lost"},

    /* paths and URLs */
    {"open /etc/app/app.conf: No such file", "open <path>: No such file"},
    {"in src/net/conn.c:120", "in <path>:#"},
    {"C:\\Program Files (x86)\\App\\app.exe failed", "<path> failed"},
    {"share \\\\nas01\\backup is full", "share <path> is full"},
    {"DOMAIN\\jdoe logged on", "DOMAIN\\jdoe logged on"},
    {"read/write and and/or text/html", "read/write and and/or text/html"},
    {"12 KB/s", "# KB/s"},
    {"GET https://a.example.com/x?y=1&z=2, done", "GET <link>, done"},
    {"/ is full", "/ is full"},
    {"java.base/java.lang.Thread.run(Thread.java:829)", "java.base/java.lang.Thread.run(Thread.java:#)"},

    /* what carries meaning stays */
    {"\"GET /a?b=1 HTTP/1.1\" 200 2326", "\"GET <path> HTTP/1.1\" 200 #"},
    {"GET /a 404 12.5 ms", "GET <path> 404 # ms"},
    {"upstream said 503 Service Unavailable", "upstream said 503 Service Unavailable"},
    {"status=404 size=404", "status=404 size=#"},
    {"statusCode: 500", "statusCode: 500"},
    {"exited with code 137", "exited with code 137"},
    {"exit status 1", "exit status 1"},
    {"rc=-1", "rc=-1"},
    {"ERROR 1045 (28000): Access denied", "ERROR 1045 (#): Access denied"},
    {"ORA-01017: invalid username", "ORA-01017: invalid username"},
    {"failed with ORA-01017 again", "failed with ORA-01017 again"},
    {"ticket ABC-10017 closed", "ticket ABC-# closed"},
    {"%ASA-4-106023: Deny", "%ASA-4-106023: Deny"},
    {"%SYS-5-CONFIG_I: x", "%SYS-5-CONFIG_I: x"},
    {"[DEP0005] DeprecationWarning", "[DEP0005] DeprecationWarning"},
    {"E0042 and CVE-2021-44228", "E0042 and CVE-2021-44228"},
    {"SQL0911N  The current", "SQL0911N The current"},
    {"SQLSTATE[42S02]: x", "SQLSTATE[42S02]: x"},
    {"error code 0x80070005", "error code 0x80070005"},
    {"ipv4 sha256 x509 utf8 log4j eth0 k8s s3", "ipv4 sha256 x509 utf8 log4j eth# k8s s3"},
    {"TLSv1.2 or TLS 1.3", "TLSv1.2 or TLS 1.3"},

    /* versions */
    {"nginx/1.25.3 ready", "nginx/<version> ready"},
    {"upgraded from 5.4.0-42-generic to v6.1", "upgraded from <version> to <version>"},
    {"app-1.2.3.tar.gz", "app-<version>.tar.gz"},
};

static size_t mask_text(const char *line, size_t n, char *out) {
    return mask_line((struct span){line, n}, out);
}

static void lines_become_their_templates(void) {
    char out[MASK_OUTPUT_MAX + 1];
    for (size_t i = 0; i < sizeof CASE / sizeof CASE[0]; i++) {
        out[mask_text(CASE[i].line, strlen(CASE[i].line), out)] = '\0';
        CHECK_STR(out, CASE[i].template);
    }
}

/* What was masked is masked: a template is its own template. */
static void expect_idempotent(const char *line, size_t n) {
    static char once[MASK_OUTPUT_MAX], twice[MASK_OUTPUT_MAX];
    size_t a = mask_text(line, n, once);
    CHECK(a <= MASK_OUTPUT_MAX);
    if (a > MASK_INPUT_MAX) return;
    size_t b = mask_text(once, a, twice);
    bool same = a == b && memcmp(once, twice, a) == 0;
    CHECK(same);
    if (!same) fprintf(stderr, "  '%.*s'\n  '%.*s'\n  '%.*s'\n", (int)n, line, (int)a, once, (int)b, twice);
}

static void templates_of_the_cases_are_their_own(void) {
    for (size_t i = 0; i < sizeof CASE / sizeof CASE[0]; i++) expect_idempotent(CASE[i].line, strlen(CASE[i].line));
}

/* ---- kinds of values ---- */

static uint32_t next_random(uint32_t *state) {
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

/* Lines that differ only by a value: @ is a digit, $ a small letter, ^ a capital, & a hex digit; a kind is one template
 * whatever stands there. */
static const char *const KIND_OF_VALUE[] = {
    /* places and devices */
    "fan in C@@-S@-L@@ failed",
    "R@@-M@-N^-C:J@@-U@@ cache parity error corrected",
    "at 0@@@@@@@ and 0&c&&@&&",
    "[10.2@ 16:4@:06] closed",
    "on 2016/@/1@:20:30:31.455 it ended",
    "Jun 14 15:16:01 $$$$$$ App Helper[@@@]: up",
    "rack_A@@/shelf@/slot@ removed",
    "link ge-@/@/@@.@ went down",
    "interface GigabitEthernet@/@/@@ is up",
    "port Gi@/@/@@ flapped",
    "xe-@/@/@: carrier lost",
    "enp@s@f@: link is up",
    "eth@: renamed from veth@f&@b@c",
    "eno@ left promiscuous mode",
    "wlan@: deauthenticated",
    "tun@@ closed",
    "bond@: slave eth@ removed",
    "vlan@@@ created on switch@@",
    "ttyS@ at MMIO",
    "usb @-@.@: new device",
    "sd@: no, sda@ mounted",
    "EXT4-fs (sdb@): mounted",
    "md@@: rebuild started",
    "dm-@@ removed",
    "nvme@n@p@ is slow",
    "pcieport @@@@:@@:1c.@: AER error",
    "0000:@@:1f.@ resumed",
    "cpu@@ throttled on core @@",
    "DIMM_A@ bank @@ corrected",
    "sensor temp@@ of PSU@ is high",
    "node-@@ of pool-@ drained",
    "node-@f@c registered",
    "worker@@ idle",
    "pod web-@f&c@d&@b-@$@$@ evicted",
    "ip-@@-@@-@@-@@ joined",
    /* hosts, users, files, programs */
    "connected to $$$$$.example.com:@@@@",
    "resolved $$$@@.$$$$.example.org",
    "mail for $$$$.co.uk deferred",
    "Jun 14 15:16:01 $$$$$$ sshd[@@@]: bad protocol",
    "2023-01-15T10:15:30Z $$$@@ cron[@@@]: job ran",
    "Failed password for $$$$$$$ from 10.0.0.@",
    "Invalid user $$$$$$$ from 10.0.0.@ port @@@@",
    "session opened for user $$$$$$$ by (uid=@)",
    "user=$$$$$$$ rhost=$$$$$$.example.net tty=ssh",
    "{\"username\":\"$$$$$$$ $$$$\",\"ok\":true}",
    "core.@@@@ written",
    "dump_@@@@@@@@.sql.gz is done",
    "libfoo.so.@.@@ loaded",
    "openssl-@.@.@@k-@@ upgraded",
    "firefox/@@@.@ crashed",
    /* numbers and ids */
    "read @@% of @@@@KiB at @.@MB/s",
    "@@rows copied in @@msec",
    "voltage @.@@V, current @@@mA, signal -@@dBm",
    "handle 0x&&&&@&&& at f&&&@&&&&&&&",
    "object {@f@c@&d@} finalised",
    "session id=^@@^-$$@ ended",
    "request_id=@$@$-@^@^/@ took @ms",
    "trace: '@f&&-@b&&'",
    "ids [@@, @@@, @, @@@@]",
    "shards @@##@@@##@##@@@@ moved",
    "on node-@@, node-@, node-@@, node-@@ it runs",
    "stage @ (TID @@) has @ tasks",
};

static size_t fill_kind(const char *kind, uint32_t *state, char *line) {
    size_t n = 0;
    for (; *kind; kind++) {
        uint32_t r = next_random(state);
        switch (*kind) {
        case '@': line[n++] = (char)('1' + r % 9); break;
        case '$': line[n++] = (char)('b' + r % 24); break;
        case '^': line[n++] = (char)('A' + r % 26); break;
        case '&': line[n++] = "0123456789abcdef"[r % 16]; break;
        default: line[n++] = *kind;
        }
    }
    return n;
}

static void lines_of_a_kind_have_one_template(void) {
    enum { TRIES = 60 };
    char line[128], first[MASK_OUTPUT_MAX + 1], next[MASK_OUTPUT_MAX + 1];
    uint32_t state = 3;
    for (size_t k = 0; k < sizeof KIND_OF_VALUE / sizeof KIND_OF_VALUE[0]; k++) {
        for (int i = 0; i < TRIES; i++) {
            size_t n = fill_kind(KIND_OF_VALUE[k], &state, line);
            char *out = i == 0 ? first : next;
            out[mask_text(line, n, out)] = '\0';
            if (i > 0) CHECK_STR(next, first);
            if (i > 0 && strcmp(next, first) != 0) break;
        }
    }
}

/* Lines that say different things, however alike they look. */
static const struct {
    const char *a, *b;
} DIFFERENT[] = {
    {"0 errors found", "3 errors found"},
    {"failed=0", "failed=2"},
    {"packet loss 0%", "packet loss 100%"},
    {"0/3 nodes are ready", "3/3 nodes are ready"},
    {"exit code 0", "exit code 1"},
    {"status=200", "status=500"},
    {"TLSv1 refused", "SSLv3 refused"},
    {"sha1 is deprecated", "sha256 is deprecated"},
    {"http1 is off", "http2 is off"},
    {"ipv4 lookup failed", "ipv6 lookup failed"},
    {"raid0 degraded", "raid1 degraded"},
    {"phase1 failed", "phase2 failed"},
    {"nfs3 mount failed", "nfs4 mount failed"},
    {"for user authentication", "for user alice"},
    {"Closed due to user request.", "Closed due to user alice."},
    {"Jun 14 15:16:01 ERROR disk: full", "Jun 14 15:16:01 INFO disk: full"},
    {"ORA-01017: x", "ORA-12541: x"},
    {"user=null", "user=alice"},
    {"com.example.Main started", "www.example.com started"},
    {"sdk ready", "sda ready"},
    {"HTTP 404 Not Found", "HTTP 200 OK"},
    {"error 5", "error 13"},
    {"signal 9", "signal 15"},
};

static void lines_that_differ_in_meaning_stay_apart(void) {
    char a[MASK_OUTPUT_MAX + 1], b[MASK_OUTPUT_MAX + 1];
    for (size_t i = 0; i < sizeof DIFFERENT / sizeof DIFFERENT[0]; i++) {
        a[mask_text(DIFFERENT[i].a, strlen(DIFFERENT[i].a), a)] = '\0';
        b[mask_text(DIFFERENT[i].b, strlen(DIFFERENT[i].b), b)] = '\0';
        CHECK(strcmp(a, b) != 0);
        if (strcmp(a, b) == 0) fprintf(stderr, "  '%s' and '%s' are both '%s'\n", DIFFERENT[i].a, DIFFERENT[i].b, a);
    }
}

/* mask_word.c finds them by halving, so each is tried: it is missed where the table isn't sorted. */
static void terms_stay(void) {
    static const char *const WORD[] = {
#define TERM(word) #word,
#include "text/mask_term.def"
#undef TERM
    };
    char out[MASK_OUTPUT_MAX + 1];
    for (size_t i = 0; i < sizeof WORD / sizeof WORD[0]; i++) {
        CHECK(strlen(WORD[i]) <= 8);
        out[mask_text(WORD[i], strlen(WORD[i]), out)] = '\0';
        CHECK_STR(out, WORD[i]);
    }
}

/* Glues pieces that mean something to the masker in any order. */
static size_t random_line(uint32_t *state, char *line, size_t size) {
    static const char *const PIECE[] = {
        "0",        "1",    "12",    "404",    "2023",   "-",    "_",      ".",    ":",     "/",  "\\",
        " ",        " ",    "(",     "\"",     ",",      "=",    "a",      "fe80", "::",    "v",  "x",
        "Jun ",     "GET",  "HTTP/", "status", "exit",   "code", "ORA-",   "e",    "E",     "@",  "com",
        "http://",  "C:\\", "T",     "Z",      "+",      "%",    "ms",     "s",    "10.0.", "0x", "\t",
        "\xc3\xa9", "~",    "?",     "#",      "<path>", "]",    "\033[m", "ABC",
    };
    size_t n = 0, pieces = 1 + next_random(state) % 14;
    for (size_t i = 0; i < pieces; i++) {
        const char *p = PIECE[next_random(state) % (sizeof PIECE / sizeof PIECE[0])];
        size_t k = strlen(p);
        if (n + k > size) break;
        memcpy(line + n, p, k);
        n += k;
    }
    return n;
}

/* Words between which single blanks and delimiters stand, some of them names that a place or their letters tell. */
static size_t random_words(uint32_t *state, char *line) {
    static const char *const WORD[] = {"the", "for", "user",  "a",    "Mon", "jan", "sda",   "xvdf", "of",
                                       "or",  "we",  "until", "host", "(x)", "=",   "'why'", "code", "Dec,"};
    size_t n = 0;
    for (size_t i = next_random(state) % 9; i > 0; i--) {
        const char *p = WORD[next_random(state) % (sizeof WORD / sizeof WORD[0])];
        size_t k = strlen(p);
        memcpy(line + n, p, k);
        n += k;
        if (next_random(state) % 8) line[n++] = ' ';
    }
    return n;
}

static void mask_any_bytes_are_fine(void) {
    char line[3000], out[MASK_OUTPUT_MAX];
    uint32_t state = 1;
    for (int round = 0; round < 2000; round++) {
        size_t n = next_random(&state) % sizeof line;
        for (size_t i = 0; i < n; i++) line[i] = (char)next_random(&state);
        CHECK(mask_text(line, n, out) <= MASK_OUTPUT_MAX);
    }
}

static void shapes_in_any_order_are_fine(void) {
    char line[256], out[MASK_OUTPUT_MAX];
    uint32_t state = 7;
    for (int round = 0; round < 100000; round++) {
        size_t n = random_line(&state, line, sizeof line), m = mask_text(line, n, out);
        CHECK(m <= MASK_OUTPUT_MAX);
        for (size_t i = 0; i + 1 < m; i++) CHECK(!(out[i] == ' ' && out[i + 1] == ' '));
        CHECK(m == 0 || (out[0] != ' ' && out[m - 1] != ' '));
    }
}

static const uint32_t PIECES_SEED = 11;

/* What a map says needs no look may be looked at all the same. */
static void what_needs_no_look_is_the_same_with_one(void) {
    static struct mask_map map;
    static char line[MASK_INPUT_MAX], quick[MASK_OUTPUT_MAX], slow[MASK_OUTPUT_MAX];
    uint32_t state = PIECES_SEED;
    for (int round = 0; round < 20000; round++) {
        size_t n = 0, parts = round % 20 == 0 ? 300 : 1 + next_random(&state) % 6;
        for (size_t i = 0; i < parts && n + 128 < sizeof line; i++) {
            n += random_words(&state, line + n);
            n += random_line(&state, line + n, 64);
        }
        mask_map_make((struct span){line, n}, &map);
        size_t m = mask_mapped(&map, quick);
        memset(map.set[MAP_STOP], 0xff, sizeof map.set[MAP_STOP]);
        memset(map.set[MAP_EASY], 0, sizeof map.set[MAP_EASY]);
        CHECK_INT(mask_mapped(&map, slow), m);
        CHECK(memcmp(quick, slow, m) == 0);
    }
}

/* A shape that is left out because of what stands at its place would not have been found there. */
static void shapes_that_cannot_be_are_not_there(void) {
    static struct mask_map map;
    char line[256];
    uint32_t state = PIECES_SEED, tried = 0, left = 0;
    for (int round = 0; round < 20000; round++) {
        size_t n = random_line(&state, line, sizeof line), end = 0;
        mask_map_make((struct span){line, n}, &map);
        for (size_t at = 0; at < n; at++) {
            if (mask_map_breaks(&map, at)) continue;
            if (at >= end) end = mask_map_break(&map, at);
            enum mask_kind all_kind = KIND_NONE, kind = KIND_NONE;
            uint32_t all = mask_shapes_of(mask_map_marks_of(&map, at, end)) &
                           mask_shapes_beginning(mask_class[(unsigned char)line[at]]);
            uint32_t some = mask_shapes_at(&map, at, end, all);
            CHECK_INT(mask_shape(&map, at, end, some, &kind), mask_shape(&map, at, end, all, &all_kind));
            CHECK_INT(kind, all_kind);
            tried += all != 0, left += some != 0;
        }
    }
    CHECK(left < tried / 2);
}

/* Templates are kept by whoever ran an earlier version: where one of these changes, MASK_VERSION must too, and this sum
 * with it. */
static void templates_are_those_of_their_version(void) {
    static char line[MASK_INPUT_MAX], out[MASK_OUTPUT_MAX];
    uint32_t state = PIECES_SEED;
    uint64_t sum = 0xcbf29ce484222325u;
    for (int round = 0; round < 50000; round++) {
        size_t n = random_words(&state, line);
        n += random_line(&state, line + n, 256);
        size_t m = mask_text(line, n, out);
        for (size_t i = 0; i < m; i++) sum = (sum ^ (unsigned char)out[i]) * 0x100000001b3u;
        sum = (sum ^ m) * 0x100000001b3u;
    }
    CHECK_INT(MASK_VERSION, 3);
    CHECK_INT(sum, -1260189180708930530);
}

static void long_lines_end_at_a_limit(void) {
    static char line[20000], out[MASK_OUTPUT_MAX];
    memset(line, 'w', sizeof line);
    CHECK_INT(mask_text(line, sizeof line, out), MASK_INPUT_MAX);
    for (size_t i = 0; i + 2 < sizeof line; i += 3) memcpy(line + i, "/a(", 3); /* each "<path>(" */
    size_t n = mask_text(line, sizeof line, out);
    CHECK(n <= MASK_OUTPUT_MAX && n > MASK_OUTPUT_MAX - 8);
    memset(line, '1', sizeof line); /* one number, and every unit and list as long as the line */
    CHECK_INT(mask_text(line, sizeof line, out), 1);
    for (size_t i = 0; i < sizeof line; i += 2) line[i] = '5', line[i + 1] = 's';
    CHECK(mask_text(line, sizeof line, out) < 16);
}

static void a_cut_falls_between_characters(void) {
    static char line[MASK_INPUT_MAX + 8], out[MASK_OUTPUT_MAX];
    for (size_t from = 0; from < 4; from++) {
        memset(line, 'a', sizeof line);
        for (size_t i = from; i + 2 < sizeof line; i += 3) memcpy(line + i, "\xe4\xb8\xad", 3);
        size_t n = mask_text(line, sizeof line, out);
        CHECK(n <= MASK_INPUT_MAX && n + 3 > MASK_INPUT_MAX);
        CHECK_INT((n - from) % 3, 0);
    }
}

/* docs/masking.md has a row for every placeholder of mask.def, word for word. */
static void the_document_lists_the_placeholders(void) {
    static const char *const ROW[] = {
#define MASK(id, text, what) "| `" text "` | " what " |",
#include "text/mask.def"
#undef MASK
    };
    struct span doc;
    struct err e = {0};
    CHECK(file_read("docs/masking.md", 1 << 20, &doc, &e));
    for (size_t i = 0; i < sizeof ROW / sizeof ROW[0]; i++) {
        CHECK(doc.p && memmem(doc.p, doc.n, ROW[i], strlen(ROW[i])) != NULL);
        if (doc.p && !memmem(doc.p, doc.n, ROW[i], strlen(ROW[i]))) fprintf(stderr, "  missing: %s\n", ROW[i]);
    }
    file_free(&doc);
}

CHECK_MAIN(CHECK_TEST(the_document_lists_the_placeholders), CHECK_TEST(lines_become_their_templates),
           CHECK_TEST(lines_of_a_kind_have_one_template), CHECK_TEST(lines_that_differ_in_meaning_stay_apart),
           CHECK_TEST(terms_stay), CHECK_TEST(templates_of_the_cases_are_their_own),
           CHECK_TEST(mask_any_bytes_are_fine), CHECK_TEST(shapes_in_any_order_are_fine),
           CHECK_TEST(what_needs_no_look_is_the_same_with_one), CHECK_TEST(shapes_that_cannot_be_are_not_there),
           CHECK_TEST(templates_are_those_of_their_version), CHECK_TEST(long_lines_end_at_a_limit),
           CHECK_TEST(a_cut_falls_between_characters))
