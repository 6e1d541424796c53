#include "stream/source.h"

#include "base/must.h"
#include "base/thread.h"
#include "conf/section.h"
#include "stream/flow_fixture.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

static char g_empty[] = "";

/* A flow whose answers go into a pipe, and a source that runs on a thread of its own. */
struct rig {
    struct flow_fixture x;
    struct source source;
    atomic_bool stop;
    pthread_t thread;
    bool ok;
    struct err err;
};

static void source_rig_open(struct rig *r, enum source_id id, const struct source_opts *o) {
    struct err e = {0};
    struct engine_opts eo = {.rules_path = "data/rules.conf", .classifier_threshold = 0.5, .pipeline_threshold = 0.2};
    *r = (struct rig){0};
    flow_fixture_open(&r->x, engine_open(&eo, &e), 2);
    CHECK(source_open(&r->source, id, o, r->x.f, &r->stop, &e));
    if (e.code != ERR_OK) fprintf(stderr, "%s\n", e.msg);
}

static void *run_source(void *arg) {
    struct rig *r = arg;
    r->ok = source_run(&r->source, &r->err);
    return NULL;
}

static void source_rig_close(struct rig *r) {
    source_close(&r->source);
    flow_fixture_close(&r->x);
}

/* One line of the output, waited for. */
static const char *source_next_line(struct rig *r) {
    static char line[4096];
    size_t n = 0;
    while (n < sizeof line - 1 && read(r->x.out, line + n, 1) == 1 && line[n] != '\n') n++;
    line[n] = '\0';
    return line;
}

/* Any free UDP port of the loopback. */
static unsigned free_port(void) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof a;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    CHECK(bind(fd, (struct sockaddr *)&a, size) == 0 && getsockname(fd, (struct sockaddr *)&a, &size) == 0);
    close(fd);
    return ntohs(a.sin_port);
}

static void send_datagram(unsigned port, const char *text) {
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    CHECK(sendto(fd, text, strlen(text), 0, (struct sockaddr *)&a, sizeof a) == (ssize_t)strlen(text));
    close(fd);
}

/* A datagram is answered although nothing follows it, and a stop ends a source that never ends by itself. */
static void datagrams_of_syslog_are_labelled(void) {
    char address[64];
    struct rig r;
    unsigned port = free_port();
    snprintf(address, sizeof address, "udp://127.0.0.1:%u", port);
    struct section conf = {.name = "net", .listen = address, .source = g_empty, .receive_buffer = 65536};
    source_rig_open(&r, SOURCE_SYSLOG, &(struct source_opts){.section = &conf});
    r.thread = thread_start(run_source, &r);
    send_datagram(port, "<38>Feb  5 17:32:18 db7 portal[411]: User bob logged in");
    const char *line = source_next_line(&r);
    CHECK(strstr(line, "\"label_id\":\"USER_ACTION\"") && strstr(line, "\"log_source\":\"portal\"") &&
          strstr(line, "\"log_message\":\"User bob logged in\""));
    send_datagram(port, "no syslog at all");
    CHECK(strstr(source_next_line(&r), "\"log_message\":\"no syslog at all\"") != NULL);
    atomic_store(&r.stop, true);
    pthread_join(r.thread, NULL);
    CHECK(r.ok);
    CHECK_INT(r.x.result.lines, 2);
    source_rig_close(&r);
}

static void bad_addresses_are_named(void) {
    static const char *const BAD[] = {
        "514",        ":514",     "udp://localhost:514", "udp://127.0.0.1:x", "tcp://127.0.0.1:70000", "udp://::1",
        "tcp://[]:1", "unix://x", "sctp://127.0.0.1:1"};
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        char address[64];
        struct err e = {0};
        snprintf(address, sizeof address, "%s", BAD[i]);
        struct section conf = {.name = "net", .listen = address, .source = g_empty};
        void *self = source_table[SOURCE_SYSLOG]->open(&(struct source_opts){.section = &conf}, &e);
        CHECK(!self && e.code == ERR_USAGE && strstr(e.msg, "with a numeric address"));
        if (self) fprintf(stderr, "'%s' was taken\n", BAD[i]), source_table[SOURCE_SYSLOG]->close(self);
    }
    char open[] = "udp://0.0.0.0:0";
    struct err e = {0};
    struct section conf = {.name = "net", .listen = open, .source = g_empty};
    CHECK(!source_table[SOURCE_SYSLOG]->open(&(struct source_opts){.section = &conf}, &e) &&
          strstr(e.msg, "allow-open"));
}

/* A pipe that gives one line and then nothing: the line is not held back, whatever the format. */
static void the_first_line_of_a_pipe_comes_out_at_once(void) {
    static const char *const FIRST[] = {"User bob logged in\n", "{\"log_message\":\"User bob logged in\"}\n",
                                        "\n\nUser bob logged in\n"};
    for (size_t i = 0; i < sizeof FIRST / sizeof FIRST[0]; i++) {
        struct rig r;
        int ends[2];
        char path[32];
        CHECK(pipe2(ends, O_CLOEXEC) == 0);
        snprintf(path, sizeof path, "/dev/fd/%d", ends[0]);
        char *const paths[] = {path};
        source_rig_open(&r, SOURCE_FILES, &(struct source_opts){.paths = paths, .paths_n = 1});
        r.thread = thread_start(run_source, &r);
        CHECK(write(ends[1], FIRST[i], strlen(FIRST[i])) == (ssize_t)strlen(FIRST[i]));
        while (!strstr(source_next_line(&r), "\"label_id\":\"USER_ACTION\"")) CHECK(i == 2); /* blank lines before it */
        close(ends[1]);
        pthread_join(r.thread, NULL);
        CHECK(r.ok);
        close(ends[0]);
        source_rig_close(&r);
    }
}

static void note_progress(void *user, const struct source_progress *p) {
    *(struct source_progress *)user = *p;
}

static void progress_tells_what_is_written_and_a_missing_file_is_named(void) {
    char first[] = "data/sample.log", missing[] = "/nowhere/at/all.log";
    char *const paths[] = {first, missing};
    struct source_progress progress = {0};
    struct rig r;
    source_rig_open(
        &r, SOURCE_FILES,
        &(struct source_opts){.paths = paths, .paths_n = 2, .on_progress = note_progress, .user = &progress});
    run_source(&r);
    CHECK(!r.ok && strstr(r.err.msg, missing));
    CHECK(r.x.result.lines > 0 && progress.lines == r.x.result.lines);
    CHECK(progress.size > 0 && progress.position == progress.size);
    source_rig_close(&r);
}

/* What could not be written is not committed, nor is anything behind it. */
static void what_is_lost_is_not_committed(void) {
    char path[] = "data/sample.log";
    char *const paths[] = {path, path};
    struct source_progress progress = {0};
    struct rig r;
    signal(SIGPIPE, SIG_IGN);
    source_rig_open(
        &r, SOURCE_FILES,
        &(struct source_opts){.paths = paths, .paths_n = 2, .on_progress = note_progress, .user = &progress});
    close(r.x.out);
    run_source(&r);
    CHECK(!flow_is_well(r.x.f, &r.err) && r.x.result.reader_gone);
    CHECK_INT(progress.lines, 0);
    CHECK_INT(r.x.result.lines, 0);
    r.x.out = open("/dev/null", O_RDONLY | O_CLOEXEC);
    source_rig_close(&r);
}

CHECK_MAIN(CHECK_TEST(datagrams_of_syslog_are_labelled), CHECK_TEST(bad_addresses_are_named),
           CHECK_TEST(the_first_line_of_a_pipe_comes_out_at_once),
           CHECK_TEST(progress_tells_what_is_written_and_a_missing_file_is_named),
           CHECK_TEST(what_is_lost_is_not_committed))
