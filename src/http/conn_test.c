/* A connection's states: what follows what, what each may last, and what becomes of a request whose client has gone. */
#include "http/site_fixture.h"

#define LEAVE "POST /openapi.json HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
#define TASK  "POST /openapi.json?task HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
#define ALIVE "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
#define STREAM                                                             \
    "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\n" \
    "Transfer-Encoding: chunked\r\n\r\n"

static int conn_begin(void) {
    fix_later_bytes = 0;
    fix.answer_bytes = 0;
    fix.answer[0] = '\0';
    return fix_connect();
}

/* Waits until n have happened. */
static bool reaches(atomic_uint *count, unsigned n) {
    for (int i = 0; i < FIXTURE_WAIT_MS && atomic_load(count) < n; i++) usleep(1000);
    return atomic_load(count) == n;
}

static void what_leaves_the_loop_comes_back_in_order(void) {
    struct server_opts o = fix_opts();
    if (!fix_start(&o)) return;
    static const char *const WAY[] = {LEAVE ALIVE LEAVE ALIVE, TASK ALIVE TASK ALIVE};
    static const char *const SAYS[] = {"back", "worked"};
    for (int way = 0; way < 2; way++) {
        atomic_store(&fix_site.held, true);
        atomic_store(&fix_site.kept, 0);
        atomic_store(&fix_site.released, 0);
        int fd = conn_begin();
        fix_say(fd, WAY[way]);
        CHECK(reaches(&fix_site.kept, 1)); /* the next request waits */
        usleep(20000);
        CHECK_INT(atomic_load(&fix_site.kept), 1);
        atomic_store(&fix_site.held, false);
        for (int i = 0; i < 2; i++) {
            CHECK_INT(fix_read(fd), 200);
            CHECK_STR(fix.body, SAYS[way]);
            CHECK_INT(fix_read(fd), 200);
            CHECK(fix_says("alive"));
        }
        CHECK(reaches(&fix_site.released, 2));
        close(fd);
    }
    fix_end();
}

/* The exchange is released once, after it has come back, though nobody waits for it any more. */
static void a_client_may_go_while_its_exchange_is_away(void) {
    enum { CLIENTS = 20 };
    struct server_opts o = fix_opts();
    o.threads = 2;
    if (!fix_start(&o)) return;
    static const char *const WAY[] = {LEAVE, TASK};
    for (int way = 0; way < 2; way++) {
        atomic_store(&fix_site.held, true);
        atomic_store(&fix_site.kept, 0);
        atomic_store(&fix_site.released, 0);
        int fd[CLIENTS];
        for (int i = 0; i < CLIENTS; i++) {
            fd[i] = conn_begin();
            fix_say(fd[i], WAY[way]);
        }
        CHECK(reaches(&fix_site.kept, CLIENTS));
        for (int i = 0; i < CLIENTS; i++) {
            struct linger reset = {.l_onoff = 1};
            CHECK(setsockopt(fd[i], SOL_SOCKET, SO_LINGER, &reset, sizeof reset) == 0);
            close(fd[i]);
        }
        CHECK_INT(fix_ask(ALIVE), 200); /* the loops are not held up */
        CHECK_INT(atomic_load(&fix_site.released), 0);
        atomic_store(&fix_site.held, false);
        CHECK(reaches(&fix_site.released, CLIENTS));
    }
    fix_end();
}

/* The drain gives up what is away; it comes back to a loop that turns no more. */
static void a_drain_that_ends_gives_up_what_is_away(void) {
    struct server_opts o = fix_opts();
    o.drain_time_ms = 50;
    if (!fix_start(&o)) return;
    atomic_store(&fix_site.held, true);
    atomic_store(&fix_site.kept, 0);
    atomic_store(&fix_site.released, 0);
    int leave = conn_begin(), task = fix_connect();
    fix_say(leave, LEAVE);
    fix_say(task, TASK);
    CHECK(reaches(&fix_site.kept, 2));
    fix_stop();
    CHECK_INT(atomic_load(&fix_site.released), 0);
    atomic_store(&fix_site.held, false);
    queue_close(&fix_site.away);
    pthread_join(fix_site.keeper, NULL);
    server_close(fix.server);
    queue_release(&fix_site.away);
    CHECK_INT(atomic_load(&fix_site.released), 2);
    close(leave);
    close(task);
}

static void only_so_much_waits_for_the_helper(void) {
    enum { TASKS_MAX = 256 };
    struct server_opts o = fix_opts();
    if (!fix_start(&o)) return;
    atomic_store(&fix_site.held, true);
    atomic_store(&fix_site.kept, 0);
    atomic_store(&fix_site.working, 0);
    static int fd[TASKS_MAX + 1];
    for (int i = 0; i <= TASKS_MAX; i++) {
        fd[i] = conn_begin();
        fix_say(fd[i], TASK);
        CHECK(reaches(&fix_site.kept, (unsigned)i + 1));
        if (i == 0) CHECK(reaches(&fix_site.working, 1)); /* the helper has taken the first out of its queue */
    }
    CHECK_INT(fix_ask(TASK), 503);
    CHECK(fix_says("too many large requests wait") && fix_says("Retry-After: 1"));
    atomic_store(&fix_site.held, false);
    for (int i = 0; i <= TASKS_MAX; i++) {
        fix_later_bytes = 0;
        CHECK_INT(fix_read(fd[i]), 200);
        close(fd[i]);
    }
    fix_end();
}

static void say_chunk(int fd, const char *text) {
    char chunk[200];
    snprintf(chunk, sizeof chunk, "%zx\r\n%s\r\n", strlen(text), text);
    fix_say(fd, chunk);
}

static bool hears(int fd, const char *part) {
    while (!strstr(fix.answer, part))
        if (fix_more(fd, FIXTURE_WAIT_MS) <= 0) return false;
    return true;
}

/* HANDLE follows BODY and WRITE in turn, and STALL is left again. */
static void a_stream_is_answered_part_by_part(void) {
    struct server_opts o = fix_opts();
    o.body_time_ms = 1200;
    if (!fix_start(&o)) return;
    int fd = conn_begin();
    fix_say(fd, STREAM);
    for (int i = 0; i < 5; i++) { /* each answer begins the time anew */
        char text[20];
        snprintf(text, sizeof text, "part %d\n", i);
        usleep(400000);
        say_chunk(fd, i == 3 ? "stall\n" : text);
        CHECK(hears(fd, i == 3 ? "stall\n" : text));
    }
    CHECK(atomic_load(&fix_site.stalls) >= 2);
    fix_say(fd, "0\r\n\r\n" ALIVE);
    CHECK(hears(fd, "\r\n0\r\n\r\nHTTP/1.1 200 OK") && hears(fd, "alive"));
    close(fd);
    fix_end();
}

/* A handler that can do nothing is asked again for as long as a body may take, not for ever. */
static void a_stall_has_an_end(void) {
    struct server_opts o = fix_opts();
    o.body_time_ms = 250;
    if (!fix_start(&o)) return;
    for (int i = 0; i < 2; i++) {
        int fd = conn_begin();
        fix_say(fd, STREAM);
        if (i) say_chunk(fd, "part\n");
        if (i) CHECK(hears(fd, "part\n"));
        say_chunk(fd, "stuck\n");
        fix_say(fd, "0\r\n\r\n");
        if (!i) CHECK(hears(fd, "408") && fix_says("body-time-max"));
        if (i) CHECK_INT(fix_more(fd, FIXTURE_WAIT_MS), 0); /* too late to say why */
        close(fd);
    }
    fix_end();
}

/* The time limit of a body runs on while the handler takes parts of it and answers nothing. */
static void a_stream_without_answers_has_an_end(void) {
    struct server_opts o = fix_opts();
    o.body_time_ms = 250;
    if (!fix_start(&o)) return;
    int fd = conn_begin();
    fix_say(fd, STREAM);
    uint64_t begun = clock_now_ns(NULL);
    int parts = 0;
    while (parts < 200 && fix_more(fd, 60) < 0) say_chunk(fd, "quiet\n"), parts++;
    CHECK(hears(fd, "HTTP/1.1 408 ") && hears(fd, "the body took longer than 250 ms (body-time-max)"));
    CHECK(clock_now_ns(NULL) - begun >= clock_ns_of_ms(240) && parts < 200); /* else each part begins the time anew */
    close(fd);
    fix_end();
}

static void a_stream_to_http_1_0_ends_with_the_connection(void) {
    struct server_opts o = fix_opts();
    if (!fix_start(&o)) return;
    int fd = conn_begin();
    fix_say(fd, "POST / HTTP/1.0\r\nConnection: keep-alive\r\nContent-Type: application/jsonl\r\n"
                "Content-Length: 3\r\n\r\nab\n");
    while (fix_more(fd, FIXTURE_WAIT_MS) > 0)
        ;
    CHECK(fix_says("\r\nConnection: close\r\n") && fix_says("\r\n\r\nab\n"));
    CHECK(!strstr(fix.answer, "chunked") && !strstr(fix.answer, "Content-Length"));
    close(fd);
    fix_end();
}

static void an_answer_has_the_form_of_its_status_and_route(void) {
    static const struct {
        const char *status, *phrase;
        bool has_body;
    } ROW[] = {{"200", "OK", true},
               {"201", "Created", true},
               {"204", "No Content", false},
               {"304", "Not Modified", false},
               {"409", "Conflict", true}};
    struct server_opts o = fix_opts();
    if (!fix_start(&o)) return;
    int fd = conn_begin();
    for (size_t i = 0; i < sizeof ROW / sizeof ROW[0]; i++) {
        char request[200], line[100];
        snprintf(request, sizeof request,
                 "POST /readyz?status=%s HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n" ALIVE, ROW[i].status);
        snprintf(line, sizeof line, "HTTP/1.1 %s %s\r\n", ROW[i].status, ROW[i].phrase);
        fix_say(fd, request);
        CHECK_INT(fix_read_as(fd, !ROW[i].has_body), atoi(ROW[i].status));
        CHECK(fix_says(line) && fix_says("\r\nCache-Control: no-store\r\n"));
        CHECK((strstr(fix.answer, "Content-Length: 4\r\n") != NULL) == ROW[i].has_body);
        CHECK((strstr(fix.answer, "Content-Type:") != NULL) == ROW[i].has_body);
        CHECK_STR(fix.body, ROW[i].has_body ? "body" : "");
        CHECK_INT(fix_read(fd), 200); /* what follows is not taken for a body */
        CHECK(fix_says("\r\nCache-Control: max-age=60\r\n") && fix_says("alive"));
    }
    fix_say(fd, "PUT /livez HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK_INT(fix_read(fd), 405);
    CHECK(fix_says("\r\nCache-Control: no-store\r\n")); /* of a refusal, whatever the route says */
    close(fd);
    fix_end();
}

/* Connections that idle by a long limit from before a reload do not hold up the new, shorter one. */
static void a_limit_that_a_reload_shortens_holds_at_once(void) {
    struct server_opts o = fix_opts();
    struct err e = {0};
    o.idle_time_ms = 600000;
    if (!fix_start(&o)) return;
    int before = conn_begin();
    fix_say(before, ALIVE);
    CHECK_INT(fix_read(before), 200);
    o.idle_time_ms = 100;
    struct settings *fresh = server_settings_open(fix.server, &o, &fix_site.handled, &e);
    CHECK(fresh != NULL);
    server_set(fix.server, fresh);
    int after = conn_begin();
    fix_say(after, ALIVE);
    CHECK_INT(fix_read(after), 200);
    CHECK(fix_closes(after)); /* within FIXTURE_WAIT_MS, not in ten minutes */
    close(before);
    close(after);
    fix_end();
    CHECK_INT(atomic_load(&fix_site.settings_closed), 2);
}

CHECK_MAIN(CHECK_TEST(what_leaves_the_loop_comes_back_in_order), CHECK_TEST(a_client_may_go_while_its_exchange_is_away),
           CHECK_TEST(a_drain_that_ends_gives_up_what_is_away), CHECK_TEST(only_so_much_waits_for_the_helper),
           CHECK_TEST(a_stream_is_answered_part_by_part), CHECK_TEST(a_stream_without_answers_has_an_end),
           CHECK_TEST(a_stall_has_an_end), CHECK_TEST(a_stream_to_http_1_0_ends_with_the_connection),
           CHECK_TEST(an_answer_has_the_form_of_its_status_and_route),
           CHECK_TEST(a_limit_that_a_reload_shortens_holds_at_once))
