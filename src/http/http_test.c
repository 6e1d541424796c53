/* What a strict HTTP/1.1 server must refuse (RFC 9112; the request smuggling tricks known), and every limit.
 */
#include "http/site_fixture.h"

#define HEAD_OK "POST /classify HTTP/1.1\r\nHost: x\r\n"

struct row {
    const char *request;
    size_t bytes; /* NUL bytes count */
    int status;
};

#define ROW(text, status) \
    { text, sizeof(text) - 1, status }

/* After each of these the server answers with the status and closes: what follows must never be read as a request. */
static const struct row MALFORMED[] = {
    /* two ways to end a body */
    ROW(HEAD_OK "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n[{}]\r\n0\r\n\r\n", 400),
    ROW(HEAD_OK "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n4\r\n[{}]\r\n0\r\n\r\n", 400),
    ROW(HEAD_OK "Content-Length: 4\r\nContent-Length: 4\r\n\r\n[{}]", 400),
    ROW(HEAD_OK "Content-Length: 4\r\nContent-Length: 5\r\n\r\n[{}]x", 400),
    /* lengths that are no numbers */
    ROW(HEAD_OK "Content-Length: 4, 4\r\n\r\n[{}]", 400),
    ROW(HEAD_OK "Content-Length: +4\r\n\r\n[{}]", 400),
    ROW(HEAD_OK "Content-Length: -4\r\n\r\n[{}]", 400),
    ROW(HEAD_OK "Content-Length: 0x4\r\n\r\n[{}]", 400),
    ROW(HEAD_OK "Content-Length: 4 4\r\n\r\n[{}]", 400),
    ROW(HEAD_OK "Content-Length: 4a\r\n\r\n[{}]", 400),
    ROW(HEAD_OK "Content-Length: \r\n\r\n[{}]", 400),
    ROW(HEAD_OK "Content-Length: 99999999999999999999999\r\n\r\n[{}]", 400),
    /* transfer codings */
    ROW(HEAD_OK "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
    ROW(HEAD_OK "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 400),
    ROW(HEAD_OK "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ROW(HEAD_OK "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501),
    ROW(HEAD_OK "Transfer-Encoding: identity\r\nContent-Length: 4\r\n\r\n[{}]", 501),
    ROW(HEAD_OK "Transfer-Encoding:\x0b"
                "chunked\r\n\r\n0\r\n\r\n",
        400),
    ROW(HEAD_OK "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400),
    ROW(HEAD_OK "Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n", 400),
    ROW("POST /classify HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n[{}]\r\n0\r\n\r\n", 400),
    /* chunk sizes */
    ROW(HEAD_OK "Transfer-Encoding: chunked\r\n\r\n0x4\r\n[{}]\r\n0\r\n\r\n", 400),
    ROW(HEAD_OK "Transfer-Encoding: chunked\r\n\r\n-1\r\n[{}]\r\n0\r\n\r\n", 400),
    ROW(HEAD_OK "Transfer-Encoding: chunked\r\n\r\n4 \r\n[{}]\r\n0\r\n\r\n", 400),
    ROW(HEAD_OK "Transfer-Encoding: chunked\r\n\r\n10000000000000004\r\n[{}]\r\n0\r\n\r\n", 400),
    ROW(HEAD_OK "Transfer-Encoding: chunked\r\n\r\n4\n[{}]\n0\n\n", 400),
    ROW(HEAD_OK "Transfer-Encoding: chunked\r\n\r\n4\r\n[{}]0\r\n\r\n", 400),
    ROW(HEAD_OK "Transfer-Encoding: chunked\r\n\r\n3\r\n[{}]\r\n0\r\n\r\n", 400),
    ROW(HEAD_OK "Transfer-Encoding: chunked\r\n\r\n\r\n[{}]\r\n0\r\n\r\n", 400),
    ROW(HEAD_OK "Transfer-Encoding: chunked\r\n\r\n4;a=\nb\r\n[{}]\r\n0\r\n\r\n", 400),
    /* line ends, spaces, folding, control characters */
    ROW("GET /health HTTP/1.1\nHost: x\n\n", 400),
    ROW("GET /health HTTP/1.1\r\nHost: x\n\r\n", 400),
    ROW("GET /health HTTP/1.1\r\nHost: x\r\rX: y\r\n\r\n", 400),
    ROW("GET /health HTTP/1.1\r\nHost : x\r\n\r\n", 400),
    ROW("GET /health HTTP/1.1\r\n Host: x\r\n\r\n", 400),
    ROW("GET /health HTTP/1.1\r\nHost: x\r\nX: a\r\n b\r\n\r\n", 400),
    ROW("GET /health HTTP/1.1\r\nHost: x\r\nX: a\r\n\tTransfer-Encoding: chunked\r\n\r\n", 400),
    ROW("GET /health HTTP/1.1\r\nHost: x\r\nX Y: a\r\n\r\n", 400),
    ROW("GET /health HTTP/1.1\r\nHost: x\r\n: a\r\n\r\n", 400),
    ROW("GET /health HTTP/1.1\r\nHost: x\r\nX: a\x01\r\n\r\n", 400),
    ROW("GET /health HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n", 400),
    ROW("GET /hea lth HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    ROW("GET /h\x80 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    ROW("GET\t/health HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    /* hosts */
    ROW("GET /health HTTP/1.1\r\n\r\n", 400),
    ROW("GET /health HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
    ROW("GET /health HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
    ROW("GET /health HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
    ROW("GET /health HTTP/1.1\r\nHost: a@b\r\n\r\n", 400),
    /* versions, methods, other protocols */
    ROW("GET /health HTTP/1.2\r\nHost: x\r\n\r\n", 400),
    ROW("GET /health HTTP/2.0\r\nHost: x\r\n\r\n", 505),
    ROW("GET /health HTTP/0.9\r\nHost: x\r\n\r\n", 505),
    ROW("GET /health http/1.1\r\nHost: x\r\n\r\n", 400),
    ROW("GET /health\r\n\r\n", 505),
    ROW("BREW /health HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    ROW("get /health HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    ROW("CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n", 405),
    ROW("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    ROW("\x16\x03\x01\x02 TLS", 400),
    /* refused before the body, and the body too large to throw away, or of unknown length */
    ROW("POST /no HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n[", 404),
    ROW("POST /no HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", 404),
    ROW(HEAD_OK "Content-Length: 5000000\r\n\r\n", 413),
    ROW(HEAD_OK "Expect: 200-ok\r\nTransfer-Encoding: chunked\r\n\r\n", 417),
    /* bytes that end strings elsewhere, and look-alikes of what matters */
    ROW("GET /health HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n", 400),
    ROW("GET /health\0 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    ROW("GET /health HTTP/1.1\r\nHost: x\0\r\n\r\n", 400),
    ROW("GET /health HTTP/1.1\r\nHost\0: x\r\n\r\n", 400),
    ROW(HEAD_OK "Content-Length: 4\0\r\n\r\n[{}]", 400),
    ROW(HEAD_OK "Content-Length: \x0b"
                "4\r\n\r\n[{}]",
        400),
    ROW(HEAD_OK "Content-Length: 4_0\r\n\r\n[{}]", 400),
    ROW(HEAD_OK "Content-Length: 4.0\r\n\r\n[{}]", 400),
    ROW(HEAD_OK "Content-Length: 4e0\r\n\r\n[{}]", 400),
    ROW(HEAD_OK "Content-Length: 4,\r\n\r\n[{}]", 400),
    ROW(HEAD_OK "Content-Length: ,4\r\n\r\n[{}]", 400),
    ROW(HEAD_OK "Content-Length: \"4\"\r\n\r\n[{}]", 400),
    ROW(HEAD_OK "Content-Length: 4;a=b\r\n\r\n[{}]", 400),
    ROW(HEAD_OK "Content-Length: 18446744073709551620\r\n\r\n[{}]", 400),
    ROW(HEAD_OK "Content-Length : 4\r\n\r\n[{}]", 400),
    ROW(HEAD_OK " Content-Length: 4\r\n\r\n[{}]", 400),
    ROW(HEAD_OK "Content-Length\r\n: 4\r\n\r\n[{}]", 400),
    ROW(HEAD_OK "Content-Length: 4\rX: y\r\n\r\n[{}]", 400),
    ROW(HEAD_OK "Content-Length: 4\r\n\r\r\n[{}]", 400),
    ROW(HEAD_OK "Content-Length: 4\r\ncontent-length: 4\r\n\r\n[{}]", 400),
    ROW(HEAD_OK "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ROW(HEAD_OK "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n0\r\n\r\n", 400),
    ROW(HEAD_OK "Transfer-Encoding: chunked\0\r\n\r\n0\r\n\r\n", 400),
    ROW(HEAD_OK "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n", 501),
    ROW(HEAD_OK "Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n", 501),
    ROW(HEAD_OK "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 400),
    ROW(HEAD_OK "Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n", 501),
    ROW(HEAD_OK "Transfer-Encoding: ,chunked\r\n\r\n0\r\n\r\n", 501),
    ROW(HEAD_OK "Transfer-Encoding: chunked,\r\n\r\n0\r\n\r\n", 400),
    ROW(HEAD_OK "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", 400),
    ROW(HEAD_OK "Transfer-Encoding:\r\n\r\n0\r\n\r\n", 400),
    ROW(HEAD_OK "Transfer-Encoding: cow\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 501),
    ROW(HEAD_OK "Transfer-Encoding: chunked\r\nTransfer-Encoding: cow\r\n\r\n0\r\n\r\n", 400),
    ROW(HEAD_OK "Transfer-Encoding\0: chunked\r\n\r\n0\r\n\r\n", 400),
    ROW(HEAD_OK "Transfer-Encoding: chunked\r\n\r\n+4\r\n[{}]\r\n0\r\n\r\n", 400),
    ROW(HEAD_OK "Transfer-Encoding: chunked\r\n\r\n4_0\r\n[{}]\r\n0\r\n\r\n", 400),
    ROW(HEAD_OK "Transfer-Encoding: chunked\r\n\r\n 4\r\n[{}]\r\n0\r\n\r\n", 400),
    ROW(HEAD_OK "Transfer-Encoding: chunked\r\n\r\n4\t\r\n[{}]\r\n0\r\n\r\n", 400),
    ROW(HEAD_OK "Transfer-Encoding: chunked\r\n\r\n4\r[{}]\r\n0\r\n\r\n", 400),
    ROW(HEAD_OK "Transfer-Encoding: chunked\r\n\r\n4;a\rb\r\n[{}]\r\n0\r\n\r\n", 400),
    ROW(HEAD_OK "Transfer-Encoding: chunked\r\n\r\n4;a=\"b\nc\"\r\n[{}]\r\n0\r\n\r\n", 400),
    ROW(HEAD_OK "Transfer-Encoding: chunked\r\n\r\n4\r\n[{}]\n0\r\n\r\n", 400),
    ROW(HEAD_OK "Transfer-Encoding: chunked\r\n\r\n4\r\n[{}]\r\n0\r\nX\r\n\r\n", 400),
    ROW(HEAD_OK "Transfer-Encoding: chunked\r\n\r\n4\r\n[{}]\r\n0\r\nX : y\r\n\r\n", 400),
    ROW(HEAD_OK "Transfer-Encoding: chunked\r\n\r\n4\r\n[{}]\r\n0\r\n\n", 400),
    ROW(HEAD_OK "Transfer-Encoding: chunked\r\n\r\n4\0\r\n[{}]\r\n0\r\n\r\n", 400),
    ROW("GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    ROW("GET /health HTTP/1.1\r\nHost: a,b\r\nHost: a\r\n\r\n", 400),
    ROW("GET /health HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", 400),
    ROW("GET /health HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", 400),
    ROW("GET /health HTTP/1.1\r\nX: y\r\n\r\n", 400),
    ROW("GET /health HTTP/11\r\nHost: x\r\n\r\n", 400),
    ROW("GET /health HTTP/1.10\r\nHost: x\r\n\r\n", 400),
    ROW("GET /health HTTP/+1.1\r\nHost: x\r\n\r\n", 400),
    ROW("GET /health HTTP/1.1 x\r\nHost: x\r\n\r\n", 400),
    ROW("GET /health HTTP/1.1\rHost: x\r\n\r\n", 400),
    ROW("GET /a\tb HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    ROW("GET health HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    ROW("GET /health HTTP/1.1\r\n\r\nHost: x\r\n\r\n", 400),
};

/* The last status of posts of n bytes, which are tried until it is the wanted one: what the server is to notice first,
 * it notices in its own time. */
static int post_until(int wanted, const char *text, size_t n) {
    int status = 0;
    for (int i = 0; i < 1000 && status != wanted; i++) {
        if (i > 0) usleep(10000);
        status = fix_post("", text, n);
    }
    return status;
}

static void malformed_requests_close(void) {
    struct server_opts o = fix_opts();
    if (!fix_start(&o)) return;
    for (size_t i = 0; i < sizeof MALFORMED / sizeof MALFORMED[0]; i++) {
        int fd = fix_connect();
        fix_later_bytes = 0;
        fix_write(fd, MALFORMED[i].request, MALFORMED[i].bytes);
        fix_say(fd, "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n");
        int status = fix_read(fd);
        bool closes = strstr(fix.answer, "\r\nConnection: close\r\n") && fix_closes(fd);
        if (status != MALFORMED[i].status || !closes)
            fprintf(stderr, "%s -> %d %s\n", MALFORMED[i].request, status, fix.answer);
        CHECK_INT(status, MALFORMED[i].status);
        CHECK(closes);
        close(fd);
    }
    CHECK_INT(atomic_load(&fix_site.handled), 0);
    fix_end();
}

/* And these are served, and the connection stays. */
static void unusual_requests_are_served(void) {
    static const struct {
        const char *request;
        int status;
    } row[] = {
        {HEAD_OK "Transfer-Encoding: chunked\r\n\r\n4\r\n[{}]\r\n0\r\n\r\n", 200},
        {HEAD_OK "transfer-encoding: CHUNKED\r\n\r\n1;a=b\r\n[\r\n03\r\n{}]\r\n0\r\nTrailer: x\r\nHost: y\r\n\r\n",
         200},
        {HEAD_OK "Content-Length: 004\r\n\r\n[{}]", 200},
        {HEAD_OK "Content-Length:4\r\n\r\n[{}]", 200},
        {HEAD_OK "Content-Length: \t 4 \r\n\r\n[{}]", 200},
        {"GET  /health HTTP/1.1\r\nHost: x\r\n\r\n", 200}, /* RFC 9112, 3 allows it */
        {"\r\nGET /health HTTP/1.1\r\nHost: x\r\n\r\n", 200},
        {"GET /health HTTP/1.1\r\nHost:\r\n\r\n", 200},
        {"GET /health HTTP/1.1\r\nHost: [::1]:8080\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", 200},
        {"GET /health HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", 200},
        {"POST /no HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", 404},               /* read and thrown away */
        {"POST http://x?/classify HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}", 200}, /* the path is "/" */
        {"GET http://x?/health HTTP/1.1\r\nHost: x\r\n\r\n", 405},
        {"GET http://x/health?/livez HTTP/1.1\r\nHost: x\r\n\r\n", 200},
        {"PUT /classify HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n[{}]", 405},
    };
    struct server_opts o = fix_opts();
    if (!fix_start(&o)) return;
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        int fd = fix_connect();
        fix_later_bytes = 0;
        fix_say(fd, row[i].request);
        fix_say(fd, "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n");
        int status = fix_read(fd);
        if (status != row[i].status) fprintf(stderr, "%s -> %d %s\n", row[i].request, status, fix.answer);
        CHECK_INT(status, row[i].status);
        CHECK_INT(fix_read(fd), 200);
        CHECK(fix_says("alive"));
        close(fd);
    }
    fix_end();
}

/* A web page must not use a server on loopback: neither under another name nor with a POST that browsers let pass. */
static void pages_of_strangers_are_refused(void) {
    static const struct {
        const char *fields;
        int status;
    } row[] = {
        {"Host: evil.example\r\n", 421},
        {"Host: 127.0.0.1.evil.example:80\r\nContent-Type: application/json\r\n", 421},
        {"Host: localhost\r\nOrigin: http://evil.example\r\nContent-Type: text/plain\r\n", 403},
        {"Origin: http://evil.example\r\nHost: localhost\r\nContent-Type: application/json\r\n", 403},
        {"Origin: null\r\nHost: localhost\r\n", 403},
        {"Origin: http://localhost\r\nHost: localhost\r\nContent-Type: text/plain;charset=UTF-8\r\n", 403},
        {"Origin: https://ours.example\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=a\r\n", 403},
        {"Origin: https://ours.example\r\nHost: localhost\r\nContent-Type: application/json\r\n", 200},
        {"Origin: http://localhost:80\r\nHost: localhost:80\r\nContent-Type: application/json\r\n", 200},
        {"Host: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n", 200}, /* curl -d */
        {"Host: 127.0.0.1:8080\r\n", 200},
    };
    struct server_opts o = fix_opts();
    o.cors_origin = "https://ours.example";
    if (!fix_start(&o)) return;
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        char text[400];
        snprintf(text, sizeof text, "POST /classify HTTP/1.1\r\n%sContent-Length: 4\r\n\r\n[{}]", row[i].fields);
        int status = fix_ask(text);
        if (status != row[i].status) fprintf(stderr, "%s -> %d %s\n", text, status, fix.answer);
        CHECK_INT(status, row[i].status);
        if (status == 421) CHECK(fix_says("(allowed-hosts)"));
        if (status == 403) CHECK(fix_says("web pages"));
    }
    CHECK_INT(fix_ask("GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n"), 421);
    CHECK_INT(fix_ask("GET /health HTTP/1.0\r\n\r\n"), 200);
    fix_end();
}

static void expect_100_continue(void) {
    struct server_opts o = fix_opts();
    if (!fix_start(&o)) return;
    int fd = fix_connect();
    fix_later_bytes = 0;
    fix_say(fd, HEAD_OK "Expect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    CHECK_INT(fix_read(fd), 100);
    fix_say(fd, "[{}]");
    CHECK_INT(fix_read(fd), 200);
    fix_say(fd, "POST /no HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    CHECK_INT(fix_read(fd), 404); /* at once: no body was asked for */
    CHECK(fix_closes(fd));
    close(fd);
    fix_end();
}

static void limits_of_the_header(void) {
    struct server_opts o = fix_opts();
    o.header_bytes_max = 1000;
    o.header_time_ms = 200;
    o.idle_time_ms = 150;
    if (!fix_start(&o)) return;
    static char text[4000];
    int n = snprintf(text, sizeof text, "GET /health HTTP/1.1\r\nHost: x\r\nX: ");
    memset(text + n, 'y', 900);
    snprintf(text + n + 900, 100, "\r\n\r\n");
    CHECK_INT(fix_ask(text), 200);
    memset(text + n, 'y', 1000);
    snprintf(text + n + 1000, 100, "\r\n\r\n");
    CHECK_INT(fix_ask(text), 431);
    CHECK(fix_says("larger than 1000 bytes"));
    n = snprintf(text, sizeof text, "GET /");
    memset(text + n, 'y', 1500);
    CHECK_INT(fix_ask(text), 431);
    n = snprintf(text, sizeof text, "%s", "GET /health HTTP/1.1\r\nHost: x\r\n");
    for (int i = 0; i < 300; i++) n += snprintf(text + n, sizeof text - (size_t)n, "a:b\r\n");
    CHECK_INT(fix_ask(text), 431); /* many small fields */
    n = snprintf(text, sizeof text, "%s", HEAD_OK "Transfer-Encoding: chunked\r\n\r\n1");
    for (int i = 0; i < 600; i++) n += snprintf(text + n, sizeof text - (size_t)n, ";a=b");
    CHECK_INT(fix_ask(text), 431); /* chunk extensions */
    int fd = fix_connect();
    fix_later_bytes = 0;
    for (int i = 0; i < 10; i++) { /* a byte now and then does not help */
        fix_say(fd, i ? "a" : "GET /");
        usleep(40000);
    }
    CHECK_INT(fix_read(fd), 408);
    CHECK(fix_says("longer than 200 ms"));
    close(fd);
    fd = fix_connect(); /* says nothing at all */
    CHECK(fix_closes(fd));
    close(fd);
    fd = fix_connect();
    fix_say(fd, "GET /health HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK_INT(fix_read(fd), 200);
    CHECK(fix_closes(fd)); /* idle */
    close(fd);
    fix_end();
}

static void limits_of_the_body(void) {
    struct server_opts o = fix_opts();
    o.body_bytes_max = 3000;
    o.body_time_ms = 200;
    if (!fix_start(&o)) return;
    static char text[8000];
    memset(text, ' ', sizeof text);
    memcpy(text, "[{}]", 4);
    CHECK_INT(fix_post("", text, 3000), 200);
    CHECK_INT(fix_post("", text, 3001), 413);
    CHECK(fix_says("larger than 3000 bytes"));
    static char chunked[8000];
    int n = snprintf(chunked, sizeof chunked, HEAD_OK "Transfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 4; i++) n += snprintf(chunked + n, sizeof chunked - (size_t)n, "3e8\r\n%1000s\r\n", "");
    CHECK_INT(fix_ask(chunked), 413);
    CHECK_INT(fix_ask(HEAD_OK "Content-Length: 10\r\n\r\n[{}"), 408);
    CHECK(fix_says("the body took longer than 200 ms"));
    fix_end();
    o.body_memory_max = 2000;
    o.body_time_ms = 5000;
    if (!fix_start(&o)) return;
    memset(text, ' ', sizeof text);
    memcpy(text, "[{}]", 4);
    CHECK_INT(fix_post("", text, 2000), 200);
    int fd = fix_connect();
    fix_say(fd, HEAD_OK "Content-Length: 1500\r\n\r\n");
    fix_write(fd, text, 1400);
    CHECK_INT(post_until(503, text, 1000), 503);
    CHECK(fix_says("2000 bytes already") && fix_says("Retry-After"));
    fix_later_bytes = 0;
    fix_write(fd, text + 1400, 100);
    CHECK_INT(fix_read(fd), 200);
    close(fd);
    CHECK_INT(fix_post("", text, 1000), 200);
    fix_end();
}

/* An answer counts as memory until it is read, so that one client can't fill the machine with those it does not read.
 */
static void answers_that_nobody_reads_are_counted(void) {
    enum { LARGE = 8 << 20, SMALLER = 3 << 20 };
    struct server_opts o = fix_opts();
    o.body_bytes_max = LARGE;
    o.client_memory_max = 20 << 20;
    if (!fix_start(&o)) return;
    static char text[LARGE];
    int fd = fix_connect(), small = 4096;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    char head[100];
    snprintf(head, sizeof head, HEAD_OK "Content-Length: %d\r\n\r\n", LARGE);
    fix_later_bytes = 0;
    fix_say(fd, head);
    fix_write(fd, text, LARGE);
    struct pollfd answer = {.fd = fd, .events = POLLIN};
    CHECK_INT(fix_poll(&answer, FIXTURE_WAIT_MS), 1); /* it has begun, and stays where it is */
    CHECK_INT(fix_post("", text, SMALLER), 429);
    CHECK(fix_says("client-memory-max"));
    CHECK_INT(fix_post("", text, 4), 200);
    close(fd);
    CHECK_INT(post_until(200, text, SMALLER), 200);
    fix_end();
}

static void limit_of_connections(void) {
    struct server_opts o = fix_opts();
    o.connections_max = 3;
    if (!fix_start(&o)) return;
    int fd[4];
    for (int i = 0; i < 4; i++) fd[i] = fix_connect();
    fix_later_bytes = 0;
    CHECK_INT(fix_read(fd[3]), 503);
    CHECK(fix_says("more than 3 connections") && fix_says("Retry-After: 1"));
    CHECK(fix_closes(fd[3]));
    close(fd[0]);
    CHECK_INT(post_until(200, "x", 1), 200);
    for (int i = 1; i < 4; i++) close(fd[i]);
    fix_end();
}

/* One client can't take the places of all. */
static void limit_of_a_clients_connections(void) {
    struct server_opts o = fix_opts();
    o.connections_max = 10;
    o.client_connections_max = 2;
    if (!fix_start(&o)) return;
    int fd[3];
    for (int i = 0; i < 3; i++) fd[i] = fix_connect();
    fix_later_bytes = 0;
    CHECK_INT(fix_read(fd[2]), 503);
    CHECK(fix_says("more than 2 connections of one client (client-connections-max)") && fix_says("Retry-After: 1"));
    CHECK(fix_closes(fd[2]));
    close(fd[0]);
    CHECK_INT(post_until(200, "x", 1), 200);
    for (int i = 1; i < 3; i++) close(fd[i]);
    fix_end();
}

static void a_reader_that_stalls_is_closed(void) {
    struct server_opts o = fix_opts();
    o.write_time_ms = 200;
    o.idle_time_ms = 60000;
    if (!fix_start(&o)) return;
    int fd = fix_connect(), small = 4096;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    fix_later_bytes = 0;
    for (int i = 0; i < 3000; i++) /* answers of 20 KB each, none of them read */
        fix_say(fd, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    uint64_t begun = clock_now_ns(NULL);
    struct pollfd p = {.fd = fd};
    while (poll(&p, 1, 100) == 0 && clock_now_ns(NULL) - begun < clock_ns_of_ms(5000)) fix_say(fd, "");
    CHECK(p.revents & (POLLHUP | POLLERR));
    close(fd);
    fix_end();
}

CHECK_MAIN(CHECK_TEST(malformed_requests_close), CHECK_TEST(unusual_requests_are_served),
           CHECK_TEST(pages_of_strangers_are_refused), CHECK_TEST(expect_100_continue),
           CHECK_TEST(limits_of_the_header), CHECK_TEST(limits_of_the_body),
           CHECK_TEST(answers_that_nobody_reads_are_counted), CHECK_TEST(limit_of_connections),
           CHECK_TEST(limit_of_a_clients_connections), CHECK_TEST(a_reader_that_stalls_is_closed))
